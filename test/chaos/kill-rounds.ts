import type { ChaosRun } from './chaos-run.ts'
import type { Verdict, Violation } from './check-history.ts'
import type { Standing } from './state-witness.ts'

export interface KillSettings {
  readonly kills: number
  /** Items of each round, all accepted before the kill. */
  readonly items: number
  readonly keys: number
  /** Kill both nodes instead of one of them. */
  readonly all?: boolean
}

export interface Round {
  readonly verdict: Verdict
  readonly standing: Standing
  readonly unknown: number
  /** Items that had ended when the kill came. */
  readonly endedAtKill: number
  readonly seconds: number
  /** Share of first attempts that fail. */
  readonly failing: number
}

const drainMs = 180_000

/**
 * As often as asked: accepts a batch, kills one of two nodes at a random point in the middle of it, starts another in its
 * place, waits for the end of the batch, and checks its history.
 */
export async function* killRounds(run: ChaosRun, settings: KillSettings): AsyncGenerator<Round> {
  for (let round = 1; round <= settings.kills; round++) yield await killRound(run, settings, `r${round}`)
}

async function killRound(run: ChaosRun, settings: KillSettings, name: string): Promise<Round> {
  const { load, sink } = run
  const began = performance.now()
  load.begin()
  await sink.begin(name)
  while (run.nodes.length < 2) await run.startNode()
  await run.isBalanced()
  const point = settings.items * (0.15 + Math.random() * 0.5)
  await load.enqueue(settings.items, settings.keys, name)
  await run.reaches(point, drainMs)
  const one = Math.floor(Math.random() * run.nodes.length)
  const victims = settings.all ? run.nodes : run.nodes.slice(one, one + 1)
  await Promise.all(victims.map((node) => node.kill()))
  const { ended: endedAtKill } = await sink.count()
  await Promise.all(victims.map(() => run.startNode()))
  const standing = await run.finish(drainMs)
  return {
    verdict: run.check(),
    standing,
    unknown: load.unknown.length,
    endedAtKill,
    failing: run.settings.failing,
    seconds: (performance.now() - began) / 1000,
  }
}

/** All that is wrong with a round, beside what its history shows. */
export function problemsOf(round: Round): readonly Violation[] {
  const { verdict, standing, endedAtKill, failing } = round
  const problems = [...verdict.violations]
  if (standing.open > 0) problems.push({ kind: 'lost', text: `${standing.open} items have not succeeded` })
  if (standing.tried > 0 && failing === 0)
    problems.push({ kind: 'repeated', text: `${standing.tried} items count more than one attempt` })
  // A kill that came after the end proves nothing.
  if (endedAtKill >= verdict.figures.accepted)
    problems.push({ kind: 'unexpected', text: 'the kill came too late' })
  return problems
}
