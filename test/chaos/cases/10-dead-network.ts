import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none } from '../figure.ts'
import { timeUntil } from '../stage.ts'

const holeMs = 60_000
const shortHoleMs = 15_000

export const deadNetwork: ChaosCase = {
  number: 10,
  name: 'network to the database swallows answers, or all, for 60 s',
  minutes: 2,
  shortSeconds: 30,
  leavesOut: 'in the short form a hole lasts 15 s; what waits for a new lease is held to 12 s after the hole',
  async play(open) {
    const stage = await open({ behindNetwork: 'all' })
    const proxy = stage.network
    const { run, options } = stage
    await stage.prepare(3)
    const ms = options.isShort ? shortHoleMs : holeMs
    let holes = 0
    let acceptMs = 0
    let runMs = 0
    const report = await stage.underLoad(async (load) => {
      const until = performance.now() + options.seconds * 1000
      while (performance.now() < until - ms / 2) {
        await stage.markFault()
        proxy.swallow(holes++ % 2 === 0 ? 'answers' : 'all')
        await delay(ms)
        proxy.heal()
        const healedAt = performance.now()
        const { ended } = await run.sink.count()
        acceptMs = Math.max(acceptMs, await timeUntil(30_000, () => load.lastGoodAt > healedAt))
        await timeUntil(30_000, async () => (await run.sink.count()).ended > ended)
        runMs = Math.max(runMs, performance.now() - healedAt)
        await delay(2_000)
      }
    })
    const { figures } = await stage.close()
    return [
      atLeast('holes', holes, Math.max(1, Math.floor((options.seconds * 1000) / (ms + 14_000)))),
      ...figures,
      none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
      atMost('longest accept that was refused', report.load.longestRefusalMs, 5_500, 'ms'),
      // The call that the hole caught may have begun just before it healed.
      atMost('first accept after the hole', acceptMs, 2_000, 'ms'),
      atMost('first end after the hole', runMs, 12_000, 'ms'),
    ]
  },
}
