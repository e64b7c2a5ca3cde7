import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { ItemEndedError } from '../../src/node/item-ended.ts'
import { until } from '../store/until.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

test('an item is found by its id in every state, at once, also from a node that was never started', async (t) => {
  const go = signal()
  let away = true
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['run', 'retry', 'behind', 'reject']),
    key: (what) => (what === 'behind' ? 'retry' : what),
    process: async (what) => {
      if (what === 'reject') throw new Reject('no')
      if (what === 'run') await go.promise
      if (what === 'retry' && away) throw new Error('away')
      return what
    },
  })
  const node = await setup(t, [step])
  const client = await setup(t, [step], { place: node.place, start: false })
  const ids: Record<string, string> = {}
  for (const what of ['run', 'retry', 'behind', 'reject'] as const) {
    const id = await node.enqueue(step, what)
    ids[what] = id
    // Whatever has become of it already, it is there.
    for (const from of [node, client]) assert.equal((await from.item(id))?.id, id)
  }
  ids['later'] = await client.enqueue(step, 'reject', { delay: '1 day' })
  const state = async (what: string) => {
    // Between two looks it may have gone on; then they are one look apart.
    for (let before: string | undefined; ;) {
      const [seen, also] = await Promise.all([node.item(ids[what]!), client.item(ids[what]!.toUpperCase())])
      if (seen?.state === also?.state) return seen?.state
      const now = `${seen?.state} and ${also?.state}`
      assert.notEqual(now, before, 'two nodes go on seeing the same item differently')
      before = now
    }
  }
  await until('the first is seen to run', async () => (await state('run')) === 'running')
  await until('the second waits', async () => (await state('retry')) === 'scheduled')
  await until('the fourth is broken', async () => (await state('reject')) === 'broken')
  assert.equal(await state('later'), 'scheduled')
  assert.match(String(await state('behind')), /ready|held/)
  away = false
  go.give()
  await node.advance('2 minutes')
  await node.drain()
  for (const what of ['run', 'retry', 'behind']) assert.equal(await state(what), 'succeeded')
  assert.equal(await client.result(ids['run']!), 'run')
})

test('thousands are each found right after their acceptance', async (t) => {
  const step = defineQueueProcessor({ name: 'step', input: z.number(), process: (n) => n })
  const node = await setup(t, [step])
  const client = await setup(t, [step], { place: node.place, start: false })
  const missed: number[] = []
  for (let round = 0; round < 10; round++) {
    const ids = await node.enqueueMany(
      step,
      Array.from({ length: 100 }, (_, n) => n),
    )
    // While they run and are settled: one look must see each somewhere.
    const items = await Promise.all(ids.map((id) => client.item(id)))
    for (const [n, item] of items.entries()) if (item?.input !== n) missed.push(n)
  }
  assert.deepEqual(missed, [])
  await node.drain()
})

test('what was never accepted is undefined, and has no result', async (t) => {
  const step = defineQueueProcessor({ name: 'step', input: z.number(), process: (n) => n })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 1)
  await node.drain()
  const beside = `${id.slice(0, 33)}001`
  for (const unknown of [beside, '01a20586-6ad0-8002-8001-04f61e8ce000', 'nonsense', '']) {
    assert.equal(await node.item(unknown), undefined)
    await assert.rejects(
      node.result(unknown),
      (error) => isCoatcheckError(error) && ['ITEM_NOT_FOUND', 'ITEM_ID_INVALID'].includes(error.code),
    )
  }
})

test('result: pending, in time, broken with its failure, and undone by a signal', async (t) => {
  const go = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['wait', 'reject']),
    process: async (what) => {
      if (what === 'reject') throw new Reject('the employee has left')
      await go.promise
      return { fine: true }
    },
  })
  const node = await setup(t, [step])
  const client = await setup(t, [step], { place: node.place, start: false })
  const waiting = await node.enqueue(step, 'wait')
  await assert.rejects(node.result(waiting), { code: 'RESULT_PENDING', message: /give \{ wait \}/ })
  await assert.rejects(client.result(waiting, { wait: '50ms' }), { code: 'RESULT_PENDING' })
  await assert.rejects(node.result(waiting, { wait: '20s', signal: AbortSignal.timeout(50) }), {
    code: 'RESULT_PENDING',
  })
  const both = [node, client].map((from) => from.result(waiting, { wait: '20s' }))
  go.give()
  assert.deepEqual(await Promise.all(both), [{ fine: true }, { fine: true }])
  const rejected = await client.enqueue(step, 'reject')
  await assert.rejects(client.result(rejected, { wait: '20s' }), (error) => {
    assert.ok(error instanceof ItemEndedError)
    assert.equal(error.code, 'ITEM_BROKEN')
    assert.deepEqual(error.failure, { code: 'REJECTED', message: 'the employee has left' })
    assert.equal(error.item.id, rejected)
    return true
  })
})

test('an item accepted in a transaction that was open for long is found as soon as that commits', async (t) => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    dedicated: { partitions: 1 },
    process: (text) => text,
  })
  const node = await setup(t, [step])
  const { promise: committed, resolve: commit } = Promise.withResolvers<void>()
  const { promise: taken, resolve: take } = Promise.withResolvers<string>()
  if (node.place.directory !== undefined) return t.skip('an embedded database has one transaction at a time')
  const long = node.transaction(async (tx) => {
    take(await node.enqueue(step, 'late', { tx }))
    // Keeps the transaction from being taken for idle while others run on and the watermark passes it.
    let open = true
    void committed.then(() => (open = false))
    while (open) await tx.query('select pg_sleep(0.05)')
  })
  const late = await taken
  assert.equal(await node.item(late), undefined)
  const before = await node.enqueue(step, 'beside')
  assert.equal(await node.result(before, { wait: '10s' }), 'beside')
  await until('the watermark has passed the hole', async () => {
    const { rows } = await node.query(`select count(*)::int as n from ${node.place.schema}.hole`)
    return rows[0]!['n'] === 1
  })
  commit()
  await long
  assert.equal((await node.item(late))?.id, late)
  assert.equal(await node.result(late, { wait: '10s' }), 'late')
})
