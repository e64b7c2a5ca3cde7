import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { z } from 'zod'
import { createRowId } from '../../src/base/ids.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { hashOf } from '../../src/engine/topology.ts'
import { engineOf } from '../../src/node.ts'
import { PostgresStream } from '../../src/stream/postgres-stream.ts'
import type { AppendRow } from '../../src/stream/stream.ts'
import { testDatabase } from '../databases.ts'
import { answerLost, intercept } from '../engine/faults.ts'
import { until } from '../store/until.ts'
import { signal } from './order-watch.ts'
import { setup, type Place } from './setup.ts'

const skip = testDatabase().kind === 'pglite' && 'an embedded database has one transaction at a time'
const failsWith = (code: string) => (error: unknown) => (error as { code?: unknown }).code === code

/** A queue of three partitions, whose items have one key; what ran. */
async function start(t: TestContext, isStarted = true, onRun: (n: number) => unknown = () => {}) {
  const ran: number[] = []
  const work = defineQueueProcessor({
    name: 'work',
    input: z.object({ n: z.number() }),
    key: () => 'k',
    dedicated: { partitions: 3 },
    process: async ({ n }) => {
      ran.push(n)
      await onRun(n)
    },
  })
  const node = await setup(t, [work], { start: isStarted })
  const { database } = engineOf(node)
  const { rows } = await node.query(`select number from ${node.place.schema}.queue where name = 'work'`)
  const queue = Number(rows[0].number)
  const partition = hashOf('k') % 3
  /** A flush for the first generation. */
  const flush = (n: number): AppendRow[] => [
    {
      queue,
      partition,
      generation: 1,
      flush: createRowId(queue, partition, Date.now()),
      count: 1,
      text: JSON.stringify([{ d: 'work', k: 'k', i: { n } }]),
    },
  ]
  return { ran, work, node, place: node.place, stream: new PostgresStream(database), flush }
}

async function areDrained(
  node: { query: Client['query'] | ((text: string) => Promise<{ rows: unknown[] }>) },
  { schema }: Place,
) {
  await until('the old partitions are drained', async () => {
    const { rows } = await (node.query as (text: string) => Promise<{ rows: unknown[] }>)(
      `select 1 from ${schema}.partition p join ${schema}.queue q on q.number = p.queue where p.generation < q.generation and p.drained_at is null`,
    )
    return rows.length === 0
  })
}

async function connect(t: TestContext, place: Place): Promise<Client> {
  const client = new Client({ connectionString: place.database })
  await client.connect()
  t.after(() => client.end())
  return client
}

describe('a flush whose answer was lost, sent again after the partitions have changed', () => {
  test('is left alone where it is there', async (t) => {
    const { ran, work, node, stream, flush } = await start(t)
    const rows = flush(1)
    await stream.append(rows)
    await node.repartition('work', 2)
    await assert.rejects(stream.append(rows), failsWith('CC001'))
    await stream.append(rows, { again: true })
    await node.enqueue(work, { n: 2 })
    await node.drain()
    await stream.append(rows, { again: true })
    await node.drain()
    assert.deepEqual(ran, [1, 2])
  })

  test('goes where it went first as long as the old partition is open, once', async (t) => {
    const { ran, work, node, stream, flush } = await start(t, false)
    const rows = flush(1)
    await node.repartition('work', 2)
    await node.enqueue(work, { n: 2 })
    await Promise.all([1, 2, 3].map(() => stream.append(rows, { again: true })))
    await node.start()
    await node.drain()
    assert.deepEqual(ran, [1, 2])
  })

  test('is refused where it is not there and never will be', async (t) => {
    const { ran, node, place, stream, flush } = await start(t)
    await node.repartition('work', 2)
    await areDrained(node, place)
    await assert.rejects(stream.append(flush(1), { again: true }), failsWith('CC001'))
    await node.drain()
    assert.deepEqual(ran, [])
  })

  test('waits for the first one where that has not committed', { skip }, async (t) => {
    const { ran, node, place, stream, flush } = await start(t)
    const client = await connect(t, place)
    const [row] = flush(1) as [AppendRow]
    await client.query('begin')
    await client.query(
      `select ${place.schema}.append_rows(array[$1::int], array[$2::int], array[1], array[$3::uuid], array[1], array[$4::text], null, false)`,
      [row.queue, row.partition, row.flush, row.text],
    )
    await node.repartition('work', 2)
    const again = stream.append([row], { again: true })
    await pause(300)
    await client.query('commit')
    await again
    await node.drain()
    assert.deepEqual(ran, [1])
  })

  for (const isLost of ['the answer', 'the question'] as const)
    test(`by a node that lost ${isLost}: one item`, async (t) => {
      const { ran, work, node, place } = await start(t)
      const other = await setup(t, [work], { place, start: false })
      let isFirst = true
      intercept(other, async (name, proceed) => {
        if (!name.startsWith('append') || !isFirst) return proceed()
        isFirst = false
        if (isLost === 'the answer') await proceed()
        await node.repartition('work', 5)
        await areDrained(node, place)
        throw answerLost()
      })
      const id = await other.enqueue(work, { n: 1 })
      await node.enqueue(work, { n: 2 })
      await node.drain()
      assert.deepEqual(ran, [1, 2])
      assert.equal((await other.item(id))?.state, 'succeeded')
      assert.equal((await node.items()).length, 2)
    })

  test('by a node that lost the answer for an item with a unique key: one item, and it is new, though the time of the key is over', async (t) => {
    const { ran, work, node, place } = await start(t)
    const other = await setup(t, [work], { place, start: false })
    let isFirst = true
    intercept(other, async (name, proceed) => {
      const rows = await proceed()
      if (name !== 'append-unique' || !isFirst) return rows
      isFirst = false
      await node.repartition('work', 5)
      await node.advance('30 s')
      throw answerLost()
    })
    const { id, outcome } = await other.accept(work, { n: 1 }, { uniqueKey: 'u', uniqueFor: '10 s' })
    assert.equal(outcome, 'new')
    await node.drain()
    assert.deepEqual(ran, [1])
    assert.equal((await other.item(id))?.state, 'succeeded')
  })
})

describe('a transaction that is open while the partitions change', { skip }, () => {
  test('is not waited for, and what it enqueued runs when it has committed', async (t) => {
    const { ran, work, node, place, stream, flush } = await start(t)
    const client = await connect(t, place)
    await client.query('begin')
    const early = [
      await node.enqueue(work, { n: 1 }, { tx: client }),
      await node.enqueue(work, { n: 10 }, { tx: client, delay: '1 minute' }),
    ]
    const unknown = flush(99)
    await node.repartition('work', 2)
    await node.enqueue(work, { n: 2 })
    await until('the new partitions are run', () => ran.length > 0)
    assert.deepEqual(ran, [2])
    // The first one may be in a transaction that is open as this one is.
    await assert.rejects(stream.append(unknown, { again: true }), failsWith('CC002'))
    // Long after: its partition waits for it, and so do its items.
    await node.advance('10 minutes')
    await pause(1_500)
    // In the same transaction, after the change: it goes to the new ones.
    const late = await node.enqueue(work, { n: 3 }, { tx: client })
    await client.query('commit')
    await until('all have run', () => ran.length === 4)
    await node.drain()
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      [1, 2, 3, 10],
    )
    for (const id of [...early, late]) assert.equal((await node.item(id))?.state, 'succeeded')
    assert.equal((await node.items()).length, 4)
  })

  test('and holds a unique key: whoever waits for that goes to the new ones', async (t) => {
    const { ran, work, node, place } = await start(t)
    const other = await setup(t, [work], { place, start: false })
    const client = await connect(t, place)
    await client.query('begin')
    await node.enqueue(work, { n: 1 }, { tx: client, uniqueKey: 'held' })
    let sent = 0
    intercept(other, async (name, proceed) => {
      const rows = await proceed()
      if (name === 'append-unique' && ++sent === 1) {
        await node.repartition('work', 5)
        await client.query('rollback')
      }
      return rows
    })
    const receipts = await Promise.all([
      other.accept(work, { n: 1 }, { uniqueKey: 'held' }),
      other.accept(work, { n: 2 }, { uniqueKey: 'free' }),
    ])
    // All, then the held one: once counted with the old partitions, which is refused, and once with the new ones.
    assert.equal(sent, 3)
    assert.deepEqual(
      receipts.map(({ outcome }) => outcome),
      ['new', 'new'],
    )
    await node.drain()
    assert.deepEqual(ran, [2, 1])
    const states = await Promise.all(receipts.map(async ({ id }) => (await node.item(id))?.state))
    assert.deepEqual(states, ['succeeded', 'succeeded'])
  })

  test('and ends within seconds keeps the order of its items', async (t) => {
    const { ran, work, node, place, flush } = await start(t)
    const client = await connect(t, place)
    const [row] = flush(1) as [AppendRow]
    await client.query('begin')
    await client.query(
      `select ${place.schema}.append_rows(array[$1::int], array[$2::int], array[1], array[$3::uuid], array[1], array[$4::text], null, false)`,
      [row.queue, row.partition, row.flush, row.text],
    )
    await node.repartition('work', 2)
    await node.enqueue(work, { n: 2 })
    await pause(1_500)
    assert.deepEqual(ran, [])
    await client.query('commit')
    await node.drain()
    assert.deepEqual(ran, [1, 2])
  })

  test('has its items wait where one of their key runs', async (t) => {
    const gate = signal()
    const { ran, work, node, place } = await start(t, true, (n) => (n === 2 ? gate.promise : undefined))
    const client = await connect(t, place)
    await client.query('begin')
    await node.enqueue(work, { n: 1 }, { tx: client })
    await node.repartition('work', 2)
    await node.enqueue(work, { n: 2 })
    await until('the new partitions are run', () => ran.length > 0)
    await client.query('commit')
    await pause(2_000)
    assert.deepEqual(ran, [2])
    gate.give()
    await node.drain()
    assert.deepEqual(ran, [2, 1])
  })

  test('and sees the queue as it was goes on with the old partitions', async (t) => {
    const { ran, work, node, place } = await start(t)
    const client = await connect(t, place)
    await client.query('begin isolation level repeatable read')
    await client.query(`select count(*) from ${place.schema}.queue`)
    await node.repartition('work', 2)
    const id = await node.enqueue(work, { n: 1 }, { tx: client })
    const { rows } = await client.query<{ id: string }>(
      `select ${place.schema}.enqueue('work', '{"n":2}', 'k') as id`,
    )
    await client.query('commit')
    await node.drain()
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      [1, 2],
    )
    for (const one of [id, rows[0]!.id]) assert.equal((await node.item(one))?.state, 'succeeded')
  })
})
