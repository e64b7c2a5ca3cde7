import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../scripts/postgres.ts'
import { ChaosRun, usualSettings } from './chaos-run.ts'
import { killRounds, problemsOf, type Round } from './kill-rounds.ts'
import { killStorm } from './kill-storm.ts'

export interface KillFlags {
  readonly kills: number
  readonly items: number
  readonly keys: number
  readonly failing: number
  /** Both nodes at once. */
  readonly both: boolean
  readonly storm: boolean
  readonly database?: string | undefined
  readonly folder?: string | undefined
}

/** Kills nodes as often as asked, tells what came of it. @returns what the process is to end with */
export async function runKills(flags: KillFlags): Promise<number> {
  const folder = flags.folder ?? (await mkdtemp(join(tmpdir(), 'coatcheck-chaos-')))
  await mkdir(folder, { recursive: true })
  /** What is to be ended, the last one first. */
  const endings: (() => Promise<void>)[] = []
  const end = async (): Promise<void> => {
    for (const ending of endings.toReversed()) await ending().catch((error: unknown) => console.error(error))
  }
  // The nodes end with this process; the server would stay.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void end().finally(() => process.exit(2)))
  let database = flags.database
  if (database === undefined) {
    const server = await startPostgres({ version: 15, durable: true })
    endings.push(() => server.stop())
    database = server.url
  }
  const run = await ChaosRun.start({ ...usualSettings, database, failing: flags.failing }, folder)
  endings.push(() => run.stop())
  const rounds: Round[] = []
  let problems = 0
  try {
    if (flags.storm) problems = await storm(run, flags)
    else
      for await (const round of killRounds(run, { ...flags, all: flags.both })) {
        rounds.push(round)
        problems += report(round, rounds.length)
      }
  } finally {
    await end()
  }
  if (!flags.storm) summarize(rounds, problems)
  console.log(`histories                          ${folder}`)
  return problems > 0 ? 1 : 0
}

function report(round: Round, number: number): number {
  const { figures } = round.verdict
  const found = problemsOf(round)
  console.log(
    `round ${number}: ${round.seconds.toFixed(1)} s, killed after ${round.endedAtKill} of ${figures.accepted} items, ` +
      `${figures.reruns} again, the last open one after ${(figures.slowestRestartMs / 1000).toFixed(1)} s, ` +
      `${found.length} violations`,
  )
  for (const { kind, text } of found.slice(0, 10)) console.log(`  ${kind}: ${text}`)
  return found.length
}

/** Takeovers that meet takeovers: a partition may be without an owner for the lease and the time to notice it. */
async function storm(run: ChaosRun, flags: KillFlags): Promise<number> {
  const { verdict, longestOwnerlessMs } = await killStorm(run, { ...flags, nodes: 4, everyMs: 2_000 })
  const { losses, accepted, attempts, reruns, mostRerunsOfALoss } = verdict.figures
  console.log(
    `${losses} kills, ${accepted} items, ${attempts} attempts, ${reruns} again (${mostRerunsOfALoss} after one kill at most), ` +
      `no owner for ${Math.round(longestOwnerlessMs)} ms at most (may be 12000), ${verdict.violations.length} violations`,
  )
  for (const { kind, text } of verdict.violations.slice(0, 10)) console.log(`  ${kind}: ${text}`)
  return verdict.violations.length + (longestOwnerlessMs > 12_000 ? 1 : 0)
}

function summarize(rounds: readonly Round[], problems: number): void {
  const figures = rounds.map((round) => round.verdict.figures)
  const count = (kind: string): number =>
    rounds.flatMap((round) => problemsOf(round)).filter((problem) => problem.kind === kind).length
  const { concurrency, maxUnsettled } = usualSettings
  console.log(`
kills                              ${figures.reduce((sum, one) => sum + one.losses, 0)}
items accepted                     ${figures.reduce((sum, one) => sum + one.accepted, 0)}
lost                               ${count('lost')}
out of order                       ${count('reordered')}
two of a key at once               ${count('overlapping')}
old token of a node not lost       ${count('stale')}
run again without a reason         ${count('repeated')}
run again after a kill, at most    ${Math.max(...figures.map((one) => one.mostRerunsOfALoss))} (may be ${concurrency + maxUnsettled})
open item started again, slowest   ${Math.max(...figures.map((one) => one.slowestRestartMs))} ms (may be 12000)
violations in all                  ${problems}`)
}
