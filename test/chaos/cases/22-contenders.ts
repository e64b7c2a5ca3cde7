import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none } from '../figure.ts'
import { checkHolders } from '../holder-check.ts'
import { pauseNode } from '../nemeses/paused-node.ts'
import { countTakeovers, watchOwners } from '../settle-watch.ts'
import type { Stage } from '../stage.ts'
import type { WorkerNode } from '../worker-node.ts'

const processes = 5
const nodesOfEach = 10
/** Longer than a lease. */
const pauseMs = 11_000

export const contenders: ChaosCase = {
  number: 22,
  name: '50 nodes for three partitions: who holds one is killed, or stopped (SIGSTOP) for longer than its lease',
  minutes: 10,
  shortSeconds: 30,
  // So that a frozen node has handlers under way.
  settings: { partitions: 3, nodes: nodesOfEach, concurrency: 20, workMs: 40 },
  leavesOut: `the 50 are ${processes} processes of ${nodesOfEach} nodes, and what happens to one happens to the ten; locks as such are not built: the ownership of partitions is tried`,
  async play(open) {
    const stage = await open({ serverSettings: { max_connections: '600' } })
    const { run, options } = stage
    await watchOwners(run)
    await stage.prepare(processes)
    let kills = 0
    let pauses = 0
    await stage.underLoad(
      async () => {
        const until = performance.now() + options.seconds * 1000
        for (; performance.now() < until || pauses < 2; pauses++) {
          await (await holder(stage)).kill()
          kills++
          stage.startBeside()
          await delay(1_000 + 1_000 * stage.random())
          await pauseNode(await holder(stage), pauseMs)
          await delay(1_000)
        }
      },
      { rate: Math.min(stage.rate, 1_000) },
    )
    const { figures, standing } = await stage.close({
      rerunsPerLoss: nodesOfEach * (run.settings.maxUnsettled + run.settings.concurrency),
      restartMs: Infinity,
    })
    const { old } = run.check().figures
    const { turns, shared } = checkHolders(run.sink.history())
    const inDatabase = await countTakeovers(run)
    return [
      atLeast('holders killed', kills, Math.max(2, Math.floor(options.seconds / 18))),
      atLeast('holders stopped', pauses, Math.max(2, Math.floor(options.seconds / 18))),
      atLeast('stale effects attempted', old, pauses),
      atLeast('takeovers', inDatabase.takeovers, 3 + kills + pauses),
      atLeast('turns that the sink saw', turns, kills + pauses),
      ...figures,
      none('takeovers whose token is not higher than all before', inDatabase.fallen),
      none('effects with a token that two nodes had', shared),
      none('attempts used up', standing.tried),
    ]
  },
}

/** A process of which a node holds a partition. */
async function holder({ run, random }: Stage): Promise<WorkerNode> {
  for (const until = performance.now() + 30_000; performance.now() < until; await delay(50)) {
    const holding = run.nodes.filter((node) => node.owned > 0)
    const one = holding[Math.floor(random() * holding.length)]
    if (one) return one
  }
  throw new Error('No node holds a partition.')
}
