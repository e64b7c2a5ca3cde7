import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { blockLoop } from '../nemeses/blocked-loop.ts'

const blockMs = 10_000
/** Longer than the heartbeat goes on for a main thread that stands still. */
const longBlockMs = 55_000
/** 30 s until the heartbeat ends, 8 s of lease, and the time to notice it. */
const rehomedMs = 44_000

export const blockedLoop: ChaosCase = {
  number: 4,
  name: 'event loop blocked for 10 s in a handler, and once for 55 s',
  minutes: 3,
  shortSeconds: 22,
  leavesOut:
    'a node that computes keeps its lease for 30 s; a longer block is held to 44 s until others run its partitions',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let blocks = 0
    await stage.underLoad(async () => {
      await stage.strike(blockMs + 1_000, async () => {
        await blockLoop(stage.anyNode(), blockMs)
        blocks++
      })
    })
    const short = run.check({ idleMs: 12_000 })
    const shortIdle = short.violations.filter(({ kind }) => kind === 'idle').length
    await stage.underLoad(async () => {
      const node = stage.anyNode()
      // It may lose what it owns.
      await stage.markFault(node.name)
      await blockLoop(node, longBlockMs)
    })
    const { figures, standing } = await stage.close({ idleMs: rehomedMs })
    return [
      atLeast('blocks', blocks, Math.max(1, Math.floor(options.seconds / 13))),
      ...figures,
      none('attempts that a block used up', standing.tried),
      none('partitions without a start for 12 s in blocks of 10 s', shortIdle),
      atMost('partition without a start, longest', short.figures.longestIdleMs, 12_000, 'ms'),
    ]
  },
}
