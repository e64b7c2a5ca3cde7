import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import type { AnyDefinition } from '../../src/define/application.ts'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { setup } from './setup.ts'

/** A node, and a table of the application's own beside ours. */
async function withTable(t: TestContext, definitions: readonly AnyDefinition[]) {
  const node = await setup(t, definitions)
  const table = `${node.place.schema}.booking`
  await node.query(`create table ${table} (item text, n int check (n >= 0))`)
  const booked = async (): Promise<number[]> =>
    (await node.query(`select n from ${table} order by n`)).rows.map((row) => row['n'] as number)
  return { node, table, booked }
}

// The table is made after the definition, so its name comes with the input.
const input = z.object({ table: z.string(), n: z.number(), fail: z.string().optional() })

const book = defineQueueProcessor({
  name: 'book',
  input,
  concurrency: 50,
  retry: { maxAttempts: 2, initialDelay: '1 minute' },
  process: ({ table, n, fail }, { atCommit, attempt, item }) => {
    atCommit((tx) => tx.query(`insert into ${table} (item, n) values ($1, $2)`, [item.id, n]))
    if (fail === 'after' || (fail === 'after once' && attempt === 1)) throw new Error('after atCommit')
    if (fail === 'reject') throw new Reject('no')
    return n
  },
})

test('the writes of atCommit commit with the success, and not with a failure', async (t) => {
  const { node, table, booked } = await withTable(t, [book])
  const ids = await node.enqueueMany(book, [
    { table, n: 1 },
    { table, n: 2, fail: 'after once' },
    { table, n: 3, fail: 'after' },
    { table, n: 4, fail: 'reject' },
  ])
  await node.drain()
  assert.deepEqual(await booked(), [1])
  await node.advance('2 minutes')
  await node.drain()
  assert.deepEqual(await booked(), [1, 2])
  const states = await Promise.all(ids.map(async (id) => (await node.item(id))?.state))
  assert.deepEqual(states, ['succeeded', 'succeeded', 'broken', 'broken'])
})

test('an atCommit that throws fails its own item, and no other that settles with it', async (t) => {
  const { node, table, booked } = await withTable(t, [book])
  // Every tenth is refused by the table itself.
  const ids = await node.enqueueMany(
    book,
    Array.from({ length: 60 }, (_, n) => ({ table, n: n % 10 === 9 ? -n : n })),
  )
  await node.drain()
  const good = ids.map((_, n) => n).filter((n) => n % 10 !== 9)
  assert.deepEqual(await booked(), good)
  for (const [n, id] of ids.entries()) {
    const item = await node.item(id)
    assert.equal(item?.state, n % 10 === 9 ? 'scheduled' : 'succeeded')
    assert.equal(item.attempts, 1)
    if (n % 10 === 9) assert.equal(item.error?.code, 'AT_COMMIT_FAILED')
  }
  await node.advance('2 minutes')
  await node.drain()
  assert.equal((await node.item(ids[9]!))?.state, 'broken')
  assert.deepEqual(await booked(), good)
})

test('an error that the callback swallowed still fails the attempt: the transaction was over', async (t) => {
  const step = defineQueueProcessor({
    name: 'swallow',
    input,
    retry: { maxAttempts: 1 },
    process: ({ table }, { atCommit }) =>
      atCommit(async (tx) => {
        await tx.query(`insert into ${table} (n) values (1)`)
        await tx.query('select 1 / 0').catch(() => {})
      }),
  })
  const { node, table, booked } = await withTable(t, [step])
  const id = await node.enqueue(step, { table, n: 0 })
  await node.drain()
  assert.equal((await node.item(id))?.state, 'broken')
  assert.deepEqual(await booked(), [])
})

test('callbacks run in the order they were given, and their handle ends with them', async (t) => {
  let kept: { query: (text: string) => Promise<unknown> } | undefined
  const step = defineQueueProcessor({
    name: 'two',
    input,
    process: ({ table }, { atCommit }) => {
      atCommit((tx) => tx.query(`insert into ${table} (n) values (1)`))
      atCommit(async (tx) => {
        kept = tx
        await tx.query(`update ${table} set n = 2 where n = 1`)
      })
    },
  })
  const { node, table, booked } = await withTable(t, [step])
  await node.enqueue(step, { table, n: 0 })
  await node.drain()
  assert.deepEqual(await booked(), [2])
  await assert.rejects(kept!.query('select 1'), { code: 'HANDLER_OVER' })
})

test('the next of a key starts only when the writes of the one before are there', async (t) => {
  const seen: number[] = []
  const step = defineQueueProcessor({
    name: 'chain',
    input,
    key: () => 'k',
    process: async ({ table, n }, { atCommit }) => {
      const { rows } = await made.node.query(`select count(*)::int as n from ${table}`)
      seen.push(rows[0]!['n'] as number)
      atCommit((tx) => tx.query(`insert into ${table} (n) values ($1)`, [n]))
    },
  })
  const made: Awaited<ReturnType<typeof withTable>> = await withTable(t, [step])
  await made.node.enqueueMany(
    step,
    Array.from({ length: 15 }, (_, n) => ({ table: made.table, n })),
  )
  await made.node.drain()
  assert.deepEqual(
    seen,
    Array.from({ length: 15 }, (_, n) => n),
  )
})

test('with atCommit an item may fail, enqueue and log as without it', async (t) => {
  const follow = defineQueueProcessor({ name: 'follow', input: z.number(), process: (n) => n })
  const step = defineQueueProcessor({
    name: 'all-at-once',
    input,
    process: async ({ table, n }, ctx) => {
      ctx.log('booked', { n })
      ctx.progress({ done: 1 })
      ctx.atCommit((tx) => tx.query(`insert into ${table} (n) values ($1)`, [n]))
      return { follow: await ctx.enqueue(follow, n) }
    },
  })
  const { node, table, booked } = await withTable(t, [step, follow])
  const id = await node.enqueue(step, { table, n: 7 })
  const { follow: next } = await node.result(id, { wait: '5s' })
  assert.equal(await node.result(next, { wait: '5s' }), 7)
  assert.deepEqual(await booked(), [7])
  assert.deepEqual((await node.item(id))?.progress, { done: 1 })
  assert.equal((await node.itemLog(id))[0]?.message, 'booked')
})
