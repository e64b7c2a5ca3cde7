import { setTimeout as pause } from 'node:timers/promises'
import type { ChaosRun } from './chaos-run.ts'
import type { Verdict } from './check-history.ts'
import { longestOwnerlessMs, watchOwners } from './settle-watch.ts'

export interface StormSettings {
  readonly kills: number
  readonly nodes: number
  readonly items: number
  readonly keys: number
  readonly everyMs: number
}

export interface StormResult {
  readonly verdict: Verdict
  /** The longest time from the kill of a partition's owner until another node had taken it. */
  readonly longestOwnerlessMs: number
}

/**
 * Kills one node after the other, faster than a lease runs out, each replaced at once, while items come in: takeovers meet
 * handovers and other takeovers. An item may be orphaned several times, so there is no bound for its restart, but one for
 * the time that a partition has no owner.
 */
export async function killStorm(run: ChaosRun, settings: StormSettings): Promise<StormResult> {
  const { kills, nodes, items, keys, everyMs } = settings
  while (run.nodes.length < nodes) await run.startNode()
  await run.isBalanced()
  await watchOwners(run)
  for (let kill = 0; kill < kills; kill++) {
    await run.load.enqueue(Math.ceil(items / kills), keys, 's')
    await pause(everyMs * (0.5 + Math.random()))
    const victim = run.nodes[Math.floor(Math.random() * run.nodes.length)]
    await victim?.kill()
    await run.startNode()
  }
  await run.finish(180_000)
  await run.isBalanced()
  return { verdict: run.check({ restartMs: Infinity }), longestOwnerlessMs: await longestOwnerlessMs(run) }
}
