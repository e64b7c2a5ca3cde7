import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import type { Node } from '../../src/node.ts'
import { testDatabase } from '../databases.ts'
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

test('the second gets the id of the first, whose payload runs, once', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const first = await node.enqueue(add, 'first', { uniqueKey: 'u' })
  assert.equal(await node.enqueue(add, 'second', { uniqueKey: 'u' }), first)
  await node.drain()
  assert.equal(await node.enqueue(add, 'third', { uniqueKey: 'u' }), first)
  assert.notEqual(await node.enqueue(add, 'other', { uniqueKey: 'U' }), first)
  await node.drain()
  assert.deepEqual(ran, ['first', 'other'])
  assert.equal(await node.result(first), 'first')
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
        (at % 2 === 0 ? node : other).enqueue(add, `${key}${at}`, { uniqueKey: key }),
      ),
    )
  const among = Array.from({ length: 50 }, (_, at) => [
    node.enqueue(add, `plain${at}`),
    other.enqueue(add, `alone${at}`, { uniqueKey: `alone${at}` }),
  ]).flat()
  const [u, v] = await Promise.all([under('u'), under('v')])
  const ids = await Promise.all(among)
  assert.equal(new Set(u).size, 1)
  assert.equal(new Set(v).size, 1)
  assert.equal(new Set([...u, ...v, ...ids]).size, 102)
  await node.drain()
  assert.equal(ran.length, 102)
  assert.equal(ran.filter((input) => /^u\d/.test(input)).length, 1)
  assert.equal(new Set(ran).size, 102)
  assert.equal((await node.items()).length, 102)
})

test('a unique key is kept for 24 hours', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  const first = await node.enqueue(add, 'first', { uniqueKey: 'u' })
  await node.advance('23 hours')
  assert.equal(await node.enqueue(add, 'early', { uniqueKey: 'u' }), first)
  await node.advance('61 minutes')
  const second = await node.enqueue(add, 'late', { uniqueKey: 'u' })
  assert.notEqual(second, first)
  // It begins anew.
  await node.advance('23 hours')
  assert.equal(await node.enqueue(add, 'early again', { uniqueKey: 'u' }), second)
  await node.drain()
  assert.deepEqual(ran, ['first', 'late'])
})

test('within a transaction the key goes with it: rolled back, it is free again', async (t) => {
  const { add, ran } = adding()
  const node = await setup(t, [add])
  await assert.rejects(
    node.transaction(async (tx) => {
      const id = await node.enqueue(add, 'undone', { tx, uniqueKey: 'u' })
      assert.equal(await node.enqueue(add, 'again', { tx, uniqueKey: 'u' }), id)
      throw new Error('undo')
    }),
    /undo/,
  )
  const id = await node.transaction((tx) => node.enqueue(add, 'done', { tx, uniqueKey: 'u' }))
  assert.equal(await node.enqueue(add, 'later', { uniqueKey: 'u' }), id)
  assert.equal(await node.transaction((tx) => node.enqueue(add, 'too', { tx, uniqueKey: 'u' })), id)
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
  const began = performance.now()
  const busy = ['held', 'held', 'too'].map((key) =>
    assert.rejects(node.enqueue(add, 'behind', { uniqueKey: key }), (error) => {
      assert.ok(isCoatcheckError(error, 'UNIQUE_KEY_BUSY'), String(error))
      assert.match(error.message, new RegExp(`"${key}"`))
      return true
    }),
  )
  const others = Array.from({ length: 30 }, (_, at) => node.enqueue(add, `o${at}`, { uniqueKey: `o${at}` }))
  await node.enqueue(add, 'plain')
  assert.ok(performance.now() - began < 900, 'those without a unique key wait for nobody')
  assert.equal(new Set(await Promise.all(others)).size, 30)
  await Promise.all(busy)
  assert.ok(performance.now() - began < 4_000, `${performance.now() - began}`)
  await client.query('commit')
  await node.drain()
  assert.deepEqual(
    ran.toSorted(),
    [...Array.from({ length: 30 }, (_, at) => `o${at}`), 'held', 'plain', 'too'].toSorted(),
  )
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
  const waits = node.enqueue(add, 'third', { uniqueKey: 'u' })
  await lockAwaited(node, node.place)
  await holder.query('commit')
  assert.equal(await waits, id)
})

/** Waits until somebody waits for a lock in the schema. */
async function lockAwaited(node: Node, { schema }: Place): Promise<void> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const { rows } = await node.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%append_unique%'`,
      [schema],
    )
    if (rows.length > 0) return
    assert.ok(performance.now() < deadline, 'nobody waits for the unique key')
  }
}
