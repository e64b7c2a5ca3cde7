import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { killAllNodes } from '../nemeses/killed-node.ts'
import { timeUntil } from '../stage.ts'

const leaseMs = 8_000

export const killedAll: ChaosCase = {
  number: 2,
  name: 'kill -9 of all nodes at once',
  minutes: 6,
  shortSeconds: 36,
  leavesOut:
    'nodes that start at once wait until the lease of the dead has run out: every other round starts them after that, and those are held to 5 s',
  async play(open) {
    const stage = await open()
    const { run, options } = stage
    await stage.prepare(3)
    let rounds = 0
    let afterLeaseMs = 0
    let atOnceMs = 0
    await stage.underLoad(async () => {
      const until = performance.now() + options.seconds * 1000
      while (performance.now() < until || rounds < 2) {
        await delay(1_000 + 3_000 * stage.random())
        const nodes = await killAllNodes(stage)
        const killedAt = performance.now()
        const { attempts } = await run.sink.count()
        const isLate = rounds++ % 2 === 1
        if (isLate) await delay(leaseMs + 500)
        const startedAt = performance.now()
        const starting = Promise.all(Array.from({ length: nodes }, () => run.startNode()))
        const first = await timeUntil(30_000, async () => (await run.sink.count()).attempts > attempts)
        if (isLate) afterLeaseMs = Math.max(afterLeaseMs, first)
        else atOnceMs = Math.max(atOnceMs, startedAt - killedAt + first)
        await starting
      }
    })
    const { figures, standing } = await stage.close({ restartMs: Infinity })
    return [
      atLeast('times that all were killed', rounds, Math.max(2, Math.floor(options.seconds / 18))),
      ...figures,
      none('attempts that a kill used up', standing.tried),
      atMost('first start of an item after nodes start again, lease over', afterLeaseMs, 5_000, 'ms'),
      atMost('first start of an item after the kill, nodes started at once', atOnceMs, 12_000, 'ms'),
    ]
  },
}
