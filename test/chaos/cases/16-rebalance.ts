import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, none, atMost } from '../figure.ts'

export const rebalance: ChaosCase = {
  number: 16,
  name: 'a node comes or goes every 5 s',
  minutes: 5,
  shortSeconds: 28,
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let changes = 0
    await stage.underLoad(async () => {
      changes = await stage.strike(5_000, async () => {
        if (run.nodes.length <= 3) await run.startNode()
        else await stage.anyNode().terminate()
      })
    })
    const idleMs = 10_000
    const { figures, standing } = await stage.close({ idleMs })
    const moved = run.everyNode.reduce((sum, node) => sum + node.count('partition.acquired'), 0)
    return [
      atLeast('nodes that came or went', changes, Math.floor(options.seconds / 5) - 1),
      atLeast('partitions taken', moved, 6 + changes),
      ...figures,
      none('attempts that a move used up', standing.tried),
      atMost('partition without a start, longest', run.check({ idleMs }).figures.longestIdleMs, idleMs, 'ms'),
    ]
  },
}
