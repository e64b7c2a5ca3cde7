import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import type { Node } from '../../src/node.ts'
import { testDatabase } from '../databases.ts'
import { until } from '../store/until.ts'
import { setup, type Place } from './setup.ts'

function adding(name = 'add') {
  const ran: string[] = []
  const add = defineQueueProcessor({
    name,
    input: z.string(),
    process: (input) => {
      ran.push(input)
      return input
    },
  })
  return { add, ran }
}

test('the second gets the id of the first, which runs once, and is told so', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const { id: first, outcome } = await node.accept(add, 'first', { uniqueKey: 'u' })
  assert.equal(outcome, 'new')
  assert.equal(await node.enqueue(add, 'first', { uniqueKey: 'u' }), first)
  assert.deepEqual(await node.accept(add, 'first', { uniqueKey: 'u' }), { id: first, outcome: 'repeated' })
  await node.drain()
  assert.deepEqual(await node.accept(add, 'first', { uniqueKey: 'u' }), { id: first, outcome: 'repeated' })
  assert.equal((await node.accept(add, 'first')).outcome, 'new')
  assert.notEqual(await node.enqueue(add, 'other', { uniqueKey: 'U' }), first)
  await node.drain()
  assert.deepEqual(ran, ['first', 'first', 'other'])
  assert.equal(await node.result(first), 'first')
})

test('another payload under the key is refused, by name, and changes nothing', async (t) => {
  const ran: unknown[] = []
  const add = defineQueueProcessor({
    name: 'add',
    input: z.object({ a: z.number(), b: z.object({ c: z.array(z.number()), d: z.string() }) }),
    process: (input) => void ran.push(input),
  })
  const node = await setup(t, [add])
  const id = await node.enqueue(add, { a: 1, b: { c: [1, 2], d: '' } }, { uniqueKey: 'u' })
  const isReused = (error: unknown): boolean => {
    assert.ok(isCoatcheckError(error, 'UNIQUE_KEY_REUSED'), String(error))
    assert.equal(error.status, 422)
    assert.match(error.message, new RegExp(`"u" of add stands for item ${id}`))
    return true
  }
  const others = [
    { a: 2, b: { c: [1, 2], d: '' } },
    { a: 1, b: { c: [2, 1], d: '' } },
  ]
  for (const other of others) await assert.rejects(node.enqueue(add, other, { uniqueKey: 'u' }), isReused)
  await assert.rejects(
    node.transaction((tx) => node.enqueue(add, others[0]!, { tx, uniqueKey: 'u' })),
    isReused,
  )
  // The order of members says nothing.
  const same = await node.accept(add, { b: { d: '', c: [1, 2] }, a: 1 }, { uniqueKey: 'u' })
  assert.deepEqual(same, { id, outcome: 'repeated' })
  await node.drain()
  assert.equal(ran.length, 1)
})

test('of two payloads under one key at once one is taken, and the other refused', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const calls = ['a', 'b', 'a', 'b', 'a'].map((input) => node.accept(add, input, { uniqueKey: 'u' }))
  const [first, ...settled] = await Promise.allSettled(calls)
  assert.equal(first?.status, 'fulfilled')
  assert.deepEqual(
    settled.map((one) =>
      one.status === 'fulfilled' ? one.value.outcome : (one.reason as { code?: string }).code,
    ),
    ['UNIQUE_KEY_REUSED', 'repeated', 'UNIQUE_KEY_REUSED', 'repeated'],
  )
  await node.drain()
  assert.deepEqual(ran, ['a'])
  assert.equal((await node.items()).length, 1)
})

test('each definition has its own unique keys', async (t) => {
  const one = adding('one')
  const two = adding('two')
  const node = await setup(t, [one.add, two.add])
  await node.enqueue(one.add, 'a', { uniqueKey: 'u' })
  await node.enqueue(two.add, 'b', { uniqueKey: 'u' })
  await node.drain()
  assert.deepEqual([one.ran, two.ran], [['a'], ['b']])
})

test('fifty at once on two nodes, among others: one item', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const other = await setup(t, [add], { place: node.place, start: false })
  const under = (key: string) =>
    Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 === 0 ? node : other).accept(add, key, { uniqueKey: key }),
      ),
    )
  const among = Array.from({ length: 50 }, (_, at) => [
    node.enqueue(add, `plain${at}`),
    other.enqueue(add, `alone${at}`, { uniqueKey: `alone${at}` }),
  ]).flat()
  const [u, v] = await Promise.all([under('u'), under('v')])
  const ids = await Promise.all(among)
  for (const receipts of [u, v]) {
    assert.equal(new Set(receipts.map(({ id }) => id)).size, 1)
    assert.equal(receipts.filter(({ outcome }) => outcome === 'new').length, 1)
  }
  assert.equal(new Set([...u.map(({ id }) => id), ...v.map(({ id }) => id), ...ids]).size, 102)
  await node.drain()
  assert.equal(ran.length, 102)
  assert.equal(ran.filter((input) => input === 'u').length, 1)
  assert.equal(new Set(ran).size, 102)
  assert.equal((await node.items()).length, 102)
})

test('a unique key is kept for 24 hours', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const first = await node.enqueue(add, 'first', { uniqueKey: 'u' })
  await node.advance('23 hours')
  assert.equal(await node.enqueue(add, 'first', { uniqueKey: 'u' }), first)
  await node.advance('61 minutes')
  const second = await node.enqueue(add, 'late', { uniqueKey: 'u' })
  assert.notEqual(second, first)
  // It begins anew.
  await node.advance('23 hours')
  assert.equal(await node.enqueue(add, 'late', { uniqueKey: 'u' }), second)
  await node.drain()
  assert.deepEqual(ran, ['first', 'late'])
})

test('a unique key is kept for as long as uniqueFor says, from the first accept on', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const options = { uniqueKey: 'u', uniqueFor: '10 minutes' }
  const first = await node.enqueue(add, 'first', options)
  await node.advance('9 minutes')
  assert.equal(await node.enqueue(add, 'first', { ...options, uniqueFor: '1 day' }), first)
  await node.advance('61 s')
  const { id: second, outcome } = await node.accept(add, 'second', options)
  assert.notEqual(second, first)
  assert.equal(outcome, 'new')
  await node.drain()
  assert.deepEqual(ran, ['first', 'second'])
})

test('within a transaction the key goes with it: rolled back, it is free again', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  await assert.rejects(
    node.transaction(async (tx) => {
      const id = await node.enqueue(add, 'undone', { tx, uniqueKey: 'u' })
      assert.equal(await node.enqueue(add, 'undone', { tx, uniqueKey: 'u' }), id)
      throw new Error('undo')
    }),
    /undo/,
  )
  const id = await node.transaction((tx) => node.enqueue(add, 'done', { tx, uniqueKey: 'u' }))
  assert.equal(await node.enqueue(add, 'done', { uniqueKey: 'u' }), id)
  assert.deepEqual(await node.transaction((tx) => node.accept(add, 'done', { tx, uniqueKey: 'u' })), {
    id,
    outcome: 'repeated',
  })
  await node.drain()
  assert.deepEqual(ran, ['done'])
})

const skip = testDatabase().kind === 'pglite' && 'an embedded database has one transaction at a time'

async function openTransaction(): Promise<Client> {
  const client = new Client({ connectionString: testDatabase().url })
  await client.connect()
  await client.query('begin')
  return client
}

test('a key that an open transaction holds is refused soon, and no other', { skip }, async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const client = await openTransaction()
  t.after(() => client.end())
  for (const key of ['held', 'too']) await node.enqueue(add, key, { tx: client, uniqueKey: key })
  let refused = 0
  const busy = ['held', 'held', 'too'].map((key) =>
    assert.rejects(node.enqueue(add, 'behind', { uniqueKey: key }), (error) => {
      assert.ok(isCoatcheckError(error, 'UNIQUE_KEY_BUSY'), String(error))
      assert.match(error.message, new RegExp(`"${key}"`))
      refused++
      return true
    }),
  )
  const others = Array.from({ length: 30 }, (_, at) => node.enqueue(add, `o${at}`, { uniqueKey: `o${at}` }))
  await node.enqueue(add, 'plain')
  assert.equal(refused, 0, 'those without a unique key wait for nobody')
  assert.equal(new Set(await Promise.all(others)).size, 30)
  // the transaction is still open
  await Promise.all(busy)
  await client.query('commit')
  await node.drain()
  assert.deepEqual(
    ran.toSorted(),
    [...Array.from({ length: 30 }, (_, at) => `o${at}`), 'held', 'plain', 'too'].toSorted(),
  )
})

test('however many keys are held, the others are accepted, and soon', { skip }, async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const client = await openTransaction()
  t.after(() => client.end())
  const keys = Array.from({ length: 150 }, (_, at) => `k${at}`)
  for (const uniqueKey of keys) await node.enqueue(add, 'x', { tx: client, uniqueKey })
  const answers = keys.map((uniqueKey) =>
    node.enqueue(add, 'x', { uniqueKey }).then(
      () => 'accepted',
      (error: unknown) => isCoatcheckError(error) && error.code,
    ),
  )
  // Some in the same flush, the others while it is under way.
  const others: Promise<unknown>[] = []
  for (let at = 0; at < 20; at++) {
    others.push(node.enqueue(add, `free${at}`, { uniqueKey: `free${at}` }))
    if (at > 9) await wait(100)
  }
  assert.equal(new Set(await Promise.all(others)).size, 20)
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(['UNIQUE_KEY_BUSY']))
  await client.query('rollback')
  // Nothing of those that were refused stands in the way.
  assert.equal((await node.accept(add, 'x', { uniqueKey: 'k7' })).outcome, 'new')
  await node.drain()
  assert.equal(ran.length, 21)
})

test('a key that is held for less than a second is waited for, among others', { skip }, async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const client = await openTransaction()
  t.after(() => client.end())
  const first = await node.enqueue(add, 'first', { tx: client, uniqueKey: 'kept' })
  await node.enqueue(add, 'undone', { tx: client, uniqueKey: 'kept too' })
  const other = node.accept(add, 'free', { uniqueKey: 'free' })
  const behind = node.accept(add, 'first', { uniqueKey: 'kept' })
  await lockAwaited(node, node.place)
  await client.query('commit')
  assert.deepEqual(await behind, { id: first, outcome: 'repeated' })
  assert.equal((await other).outcome, 'new')
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['first', 'free', 'undone'])
})

test('within a transaction a key that another one holds is refused as well', { skip }, async (t) => {
  const { add } = adding()
  const node = await setup(t, [add])
  const holder = await openTransaction()
  t.after(() => holder.end())
  const id = await node.enqueue(add, 'first', { tx: holder, uniqueKey: 'u' })
  await assert.rejects(
    node.transaction((tx) => node.enqueue(add, 'second', { tx, uniqueKey: 'u' })),
    (error) => isCoatcheckError(error, 'UNIQUE_KEY_BUSY'),
  )
  // Who waits less than a second for its end gets its id, or takes the key where it was rolled back.
  const waits = node.enqueue(add, 'first', { uniqueKey: 'u' })
  await lockAwaited(node, node.place)
  await holder.query('commit')
  assert.equal(await waits, id)
})

/** Waits until somebody waits for a lock in the schema. */
function lockAwaited(node: Node, { schema }: Place): Promise<void> {
  return until('somebody waits for the unique key', async () => {
    const { rows } = await node.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%append_unique%'`,
      [schema],
    )
    return rows.length > 0
  })
}
