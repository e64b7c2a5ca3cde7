import { setTimeout as delay } from 'node:timers/promises'
import { connectAdmin } from '../admin.ts'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, told } from '../figure.ts'
import { pinSnapshot } from '../nemeses/open-transaction.ts'
import { goodput, percentile } from '../stage.ts'

export const pinnedSnapshot: ChaosCase = {
  number: 25,
  name: 'a snapshot held open, and a transaction with enqueues in it that commits at the end',
  minutes: 10,
  shortSeconds: 20,
  async play(open) {
    const stage = await open()
    const { run, options, server } = stage
    await stage.prepare(3)
    const unpin = await pinSnapshot(stage)
    const committing = await connectAdmin(server.url)
    const rollingBack = await connectAdmin(server.url)
    let open1 = 0
    await committing.query('begin')
    const committed = await run.load.enqueueIn(committing, 20, () => `open-${open1++}`)
    await rollingBack.query('begin')
    await run.load.enqueueIn(rollingBack, 20, () => `gone-${open1++}`)
    const began = performance.timeOrigin + performance.now()
    const report = await stage.underLoad(() => delay(options.seconds * 1000))
    const from = began + options.seconds * 667
    const latencies = stage.latencies(({ sentAt }) => sentAt > from)
    const pinnedRate = await stage.measure(3)
    await committing.query('commit')
    committed()
    await rollingBack.query('rollback')
    await Promise.all([unpin(), committing.end(), rollingBack.end()])
    const releasedAt = performance.now()
    let backMs = Infinity
    let rate = 0
    while (performance.now() - releasedAt < 120_000 && backMs === Infinity) {
      rate = await stage.measure(3)
      if (rate >= stage.cleanRate * 0.95) backMs = performance.now() - releasedAt
      else if (options.isShort) break
    }
    const { figures } = await stage.close()
    return [
      atLeast('seconds that it was held', options.seconds, options.isShort ? 15 : 60),
      ...figures,
      goodput(report, 95),
      atLeast(
        'drain rate at the end, against clean',
        Math.round((pinnedRate / stage.cleanRate) * 100),
        60,
        '%',
      ),
      atMost('from the accept to the start at the end, p99', percentile(latencies, 0.99), 250, 'ms'),
      ...(options.isShort
        ? [told('drain rate after, against clean', Math.round((rate / stage.cleanRate) * 100), '%')]
        : [atMost('back to 95 % after', backMs, 120_000, 'ms')]),
    ]
  },
}
