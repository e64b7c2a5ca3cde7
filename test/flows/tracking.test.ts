import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

/** A definition that keeps only what failed. */
function forgetful() {
  const started = signal()
  const go = signal()
  const step = defineQueueProcessor({
    name: 'forgetful',
    input: z.enum(['succeeds', 'waits', 'fails', 'rejected', 'talks']),
    tracking: 'failures',
    key: (what) => what,
    retry: { maxAttempts: 2, initialDelay: '1 minute' },
    process: async (what, { log }) => {
      if (what === 'rejected') throw new Reject('no')
      if (what === 'fails') throw new Error('not now')
      if (what === 'talks') log('a line')
      if (what !== 'waits') return what
      started.give()
      await go.promise
      return what
    },
  })
  return { started, go, step }
}

test("tracking 'failures': what has ended well is gone, everything else is found", async (t) => {
  const { started, go, step } = forgetful()
  const node = await setup(t, [step])
  const [succeeds, waits, fails, rejected, talks, held] = await node.enqueueMany(step, [
    'succeeds',
    'waits',
    'fails',
    'rejected',
    'talks',
    'waits',
  ])
  await started.promise
  // Open or failed, it is there.
  for (const id of [waits!, held!]) assert.equal((await node.item(id))?.state, 'ready')
  go.give()
  await node.drain()
  for (const id of [succeeds!, waits!, talks!, held!]) {
    assert.equal(await node.item(id), undefined)
    await assert.rejects(node.result(id, { wait: '20s' }), { code: 'ITEM_NOT_FOUND' })
  }
  assert.equal((await node.item(fails!))?.state, 'scheduled')
  assert.equal((await node.item(rejected!))?.state, 'broken')
  await node.advance('2 minutes')
  await node.drain()
  const broken = await node.item(fails!)
  assert.deepEqual([broken?.state, broken?.attempts, broken?.input], ['broken', 2, 'fails'])
  assert.equal((await node.items()).length, 2)
  const { rows } = await node.query(`select count(*)::int as n from ${node.place.schema}.tracked_item`)
  assert.equal(rows[0]!['n'], 0)
})

test('an item that is kept goes when its retention is over; what is broken stays', async (t) => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['fine', 'rejected']),
    retention: '1 hour',
    process: (what, { log }) => {
      if (what === 'rejected') throw new Reject('no')
      log('a line')
    },
  })
  const node = await setup(t, [step])
  const [fine, rejected] = await node.enqueueMany(step, ['fine', 'rejected'])
  await node.drain()
  await node.advance('30 minutes')
  assert.equal((await node.item(fine!))?.state, 'succeeded')
  await node.advance('31 minutes')
  await until('it has expired', async () => (await node.item(fine!)) === undefined)
  assert.deepEqual(await node.itemLog(fine!), [])
  assert.equal((await node.item(rejected!))?.state, 'broken')
})
