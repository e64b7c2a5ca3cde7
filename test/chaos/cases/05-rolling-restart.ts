import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { restartAll } from '../nemeses/rolling-restart.ts'
import { gapAtMost } from '../stage.ts'

const drainMs = 5_000

export const rollingRestart: ChaosCase = {
  number: 5,
  name: 'SIGTERM to one node after the other, each replaced',
  minutes: 3,
  shortSeconds: 14,
  settings: { stopTimeoutMs: drainMs, workMs: 40 },
  leavesOut: 'answers over HTTP while a listener closes (tests of the listener hold them)',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    const exits: number[] = []
    let rounds = 0
    let longs = 0
    const report = await stage.underLoad(async () => {
      const until = performance.now() + options.seconds * 1000
      for (; performance.now() < until || rounds < 1; rounds++) {
        // Some that do not end within the drain: they are told to stop and given back.
        const ofEach = (): Promise<unknown> =>
          run.load.send(24, () => `long-${longs++}`, { ms: 2 * drainMs }).then(() => delay(1_000))
        exits.push(...(await restartAll(stage, ofEach)))
      }
    })
    const { figures, standing } = await stage.close()
    const codes = run.everyNode.filter((node) => !node.isAlive && node.exitCode !== 0).length
    return [
      atLeast('nodes that were restarted', exits.length, Math.max(3, Math.floor(options.seconds / 10))),
      ...figures,
      none('attempts that a shutdown used up', standing.tried),
      none('nodes that did not end with 0', codes),
      atMost('SIGTERM to the end, longest', Math.max(...exits), drainMs + 2_000, 'ms'),
      gapAtMost(report, 1_000),
    ]
  },
}
