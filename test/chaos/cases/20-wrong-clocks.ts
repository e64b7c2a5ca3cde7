import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { timeUntil } from '../stage.ts'

const minuteMs = 60_000
const delayMs = 3_000

export const wrongClocks: ChaosCase = {
  number: 20,
  name: 'clocks of nodes 5 min ahead and behind, and jumping by an hour',
  minutes: 2,
  shortSeconds: 30,
  leavesOut: 'nothing refuses a node whose clock is off: no decision rests on it. No schedules yet',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(1)
    await run.startNode({ clockOffsetMs: 5 * minuteMs })
    await run.startNode({ clockOffsetMs: -5 * minuteMs })
    const sharedMs = await timeUntil(30_000, () =>
      run.isBalanced(100).then(
        () => true,
        () => false,
      ),
    )
    let count = 0
    let jumps = 0
    let kills = 0
    await stage.underLoad(async () => {
      const delayed = stage.pace({ rate: 50, keyOf: () => `later-${count++}`, delayMs })
      await stage.strike(5_000, async () => {
        const off = 60 * minuteMs * (stage.random() < 0.5 ? -1 : 1)
        // The one whose clock is right has none that could jump.
        for (const node of run.nodes.slice(1)) node.send({ op: 'clock', offsetMs: off })
        jumps++
        // Its lease must run out all the same, and no other.
        if (jumps % 3 === 2) {
          await run.nodes[1]?.kill()
          await run.startNode({ clockOffsetMs: (stage.random() < 0.5 ? -5 : 5) * minuteMs })
          kills++
        }
      })
      await delayed.stop()
    })
    const { figures, standing } = await stage.close({ idleMs: 14_000 })
    const late = stage.latencies(({ key }) => key.startsWith('later-'))
    return [
      atLeast('jumps', jumps, Math.floor(options.seconds / 5) - 1),
      atLeast('nodes killed', kills, 1),
      atLeast('delayed items', late.length, options.seconds * 20),
      ...figures,
      none('attempts used up', standing.tried),
      atMost('until partitions are shared with nodes whose clocks are wrong', sharedMs, 20_000, 'ms'),
      none('items that ran before they were due', late.filter((ms) => ms < delayMs).length),
      atMost('slowest delayed item, after it was due', (late.at(-1) ?? 0) - delayMs, 14_000, 'ms'),
    ]
  },
}
