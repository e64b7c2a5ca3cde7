import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode, engineOf } from '../../src/node.ts'
import { until } from '../store/until.ts'
import { freshPlace } from './setup.ts'

const limit = 400
/** Ten at once, each 20 ms: about 500 a second. */
const concurrency = 10
const workMs = 20
const capacity = (concurrency * 1_000) / workMs

test('five times what it can do is shed, and half of it is taken again, without a person', async (t) => {
  let ran = 0
  const work = defineQueueProcessor({
    name: 'work',
    input: z.number(),
    concurrency,
    dedicated: { partitions: 2, maxWaiting: limit },
    tracking: 'failures',
    async process() {
      await pause(workMs)
      ran++
    },
  })
  const node = await createNode({
    applications: [defineApplication({ name: 'flows', definitions: [work] })],
    ...(await freshPlace()),
    http: false,
    nodeTypes: ['background'],
    // what has run and is not settled counts as waiting
    maxUnsettled: limit / 4,
  })
  t.after(() => node.stop())
  await node.start()
  let [sent, accepted, late] = [0, 0, 0]
  const refusedMs: number[] = []
  const call = async (n: number): Promise<void> => {
    const began = performance.now()
    sent++
    try {
      await node.enqueue(work, n)
      accepted++
    } catch (error) {
      // On a machine that stands still for a second nothing was sent.
      if (isCoatcheckError(error, 'DATABASE_TIMEOUT') && error.message.startsWith('No connection')) {
        late++
        return
      }
      assert.ok(isCoatcheckError(error, 'QUEUE_FULL'), String(error))
      assert.ok(error.retryAfterMs! > 0)
      refusedMs.push(performance.now() - began)
    }
  }
  /** So many a second, whatever becomes of them; but none while more than `most` have not run. */
  const produce = async (rate: number, forMs: number, most = Infinity): Promise<void> => {
    const calls: Promise<void>[] = []
    const began = performance.now()
    const isLate = () => calls.length < ((performance.now() - began) * rate) / 1_000
    while (performance.now() - began < forMs) {
      while (isLate() && sent - refusedMs.length - late - ran < most) calls.push(call(calls.length))
      await pause(5)
    }
    await Promise.all(calls)
  }
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, accepted - ran)
  }, 20)
  t.after(() => clearInterval(watch))
  const began = performance.now()
  await produce(5 * capacity, 8_000)
  const [shed, taken] = [refusedMs.length, accepted]
  const rate = (ran * 1_000) / (performance.now() - began)
  const p95 = refusedMs.toSorted((a, b) => a - b)[Math.floor(shed * 0.95)] ?? 0
  // Other tests run beside: times are told, and not held against it.
  t.diagnostic(
    `${taken} accepted, ${shed} refused (p95 ${p95.toFixed(1)} ms), ${most} waited at most, ${Math.round(rate)} ran a second`,
  )
  assert.ok(shed > 1_000, `${shed} refused, ${taken} accepted`)
  await until('it has drained', () => ran === accepted)
  await until('it is accepted again', () =>
    node.enqueue(work, 0).then(
      () => ++sent + ++accepted > 0,
      () => false,
    ),
  )
  const before = refusedMs.length
  // A machine that stood still for a second does not catch up in one go.
  await produce(rate / 2, 3_000, limit / 4)
  assert.equal(refusedMs.length, before, 'at half of what it can do nothing is refused')
  await until('all that was accepted has run', () => ran === accepted)
  assert.deepEqual([engineOf(node).acceptor.room.size, engineOf(node).acceptor.room.calls], [0, 0])
})
