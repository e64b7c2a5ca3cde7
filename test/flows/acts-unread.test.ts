import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { intercept } from '../engine/faults.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

const quiet = { info() {}, warn() {}, error() {} }

test(
  'scattered cancels leave few gaps; those beyond wait, and none of them runs',
  { timeout: 120_000 },
  async (t) => {
    const ran = new Set<number>()
    const started = signal()
    const go = signal()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.number(),
      concurrency: 1,
      tracking: 'failures',
      process: async (n) => {
        started.give()
        await go.promise
        ran.add(n)
      },
    })
    const node = await setup(t, [step])
    t.after(() => go.give())
    await node.enqueue(step, -1)
    await started.promise
    // One partition, and more than is read ahead.
    const { acts, database } = engineOf(node)
    const ids = await node.enqueueMany(
      step,
      Array.from({ length: 4_000 }, (_, n) => n),
    )
    const some = ids.filter((_, n) => n % 8 === 5)
    const asked = await acts.askMany('cancel', some, {}, {}, 1_500)
    const applied = asked.filter(({ verdict }) => verdict === 'applied').length
    assert.ok(applied >= 150 && applied < some.length, `${applied} of ${some.length} at once`)
    const { rows } = await database.driver.query(
      `select max((select count(*)::int from unnest(done))) as gaps from ${database.schema}.partition`,
    )
    assert.ok((rows[0]!['gaps'] as number) <= 256, `${String(rows[0]!['gaps'])} gaps`)
    go.give()
    await node.drain({ timeout: '60s' })
    assert.equal(ran.size, 1 + ids.length - some.length)
    for (const n of ran) assert.notEqual(n % 8, 5)
    for (const id of some.slice(-20)) assert.equal((await node.item(id))?.state, 'cancelled')
  },
)

test('a position that is settled ahead of the reader is not taken when the log is read so far', async (t) => {
  const ran: string[] = []
  const go = signal()
  const started = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    concurrency: 1,
    process: async (what) => {
      started.give()
      await go.promise
      ran.push(what)
    },
  })
  const node = await setup(t, [step], { maxUnsettled: 10_000 })
  t.after(() => go.give())
  // So many are ready that no more are read.
  await node.enqueueMany(
    step,
    Array.from({ length: 2_500 }, () => 'read'),
  )
  await started.promise
  const [cancelled, last] = await node.enqueueMany(step, ['cancelled', 'last'])
  const sent = signal()
  const hold = signal()
  const stop = intercept(node, async (name, proceed) => {
    if (!/^settle-\d.*-acts/.test(name)) return proceed()
    sent.give()
    await hold.promise
    return proceed()
  })
  const asked = node.cancel(cancelled!)
  await sent.promise
  go.give()
  // Without its settle nothing else settles; all that is read runs all the same.
  while (!ran.includes('last')) await new Promise(setImmediate)
  hold.give()
  await asked
  stop()
  await node.drain()
  assert.deepEqual([ran.length, ran.includes('cancelled')], [2_501, false])
  assert.equal((await node.item(cancelled!))?.state, 'cancelled')
  assert.equal((await node.item(last!))?.state, 'succeeded')
})

test('an item that was moved into the log is met when it would start', { timeout: 60_000 }, async (t) => {
  const ran: string[] = []
  const started = signal()
  const go = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    concurrency: 1,
    process: async (what) => {
      if (what === 'rejected') throw new Reject('no')
      if (what === 'blocks') {
        started.give()
        await go.promise
      }
      ran.push(what)
    },
  })
  const node = await setup(t, [step], { log: quiet })
  t.after(() => go.give())
  const requeued = await node.enqueue(step, 'rejected')
  await node.drain()
  await node.enqueue(step, 'blocks')
  await started.promise
  const delayed = await node.enqueue(step, 'delayed', { delay: '1 minute' })
  assert.equal((await node.requeue(requeued, { input: 'again' })).verdict, 'applied')
  await node.advance('2 minutes')
  while ((await node.item(delayed))?.state !== 'ready') await node.query('select pg_sleep(0.02)')
  for (const id of [delayed, requeued]) {
    const act = await node.cancel(id)
    assert.equal(act.verdict, 'applied')
    assert.equal((await node.item(id))?.state, 'cancelled')
  }
  go.give()
  await node.drain()
  assert.deepEqual(ran, ['blocks'])
})
