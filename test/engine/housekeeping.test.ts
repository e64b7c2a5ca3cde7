import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { Events } from '../../src/base/events.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { Housekeeping } from '../../src/engine/housekeeping.ts'
import { engineOf } from '../../src/node.ts'
import { PostgresStream } from '../../src/stream/postgres-stream.ts'
import { setup } from '../flows/setup.ts'
import { unreachable, intercept } from './faults.ts'

const note = defineQueueProcessor({
  name: 'note',
  input: z.string(),
  dedicated: { partitions: 1 },
  process: () => {},
})
const many = 4_500

/** Housekeeping that goes only as the test says, and more to delete than one pass takes, of everything. */
async function full(t: Parameters<typeof setup>[0]) {
  const node = await setup(t, [note], { start: false })
  const { database } = engineOf(node)
  const { schema } = database
  const long = `now() - interval '3 days'`
  const each = (columns: string) => `select ${columns} from generate_series(1, ${many}) as n`
  for (const insert of [
    `unique_key (scope, key, id, expires_at) ${each(`'s', n::text, gen_random_uuid(), ${long}`)}`,
    `debounce (scope, key, id, due_at) ${each(`'s', n::text, gen_random_uuid(), ${long}`)}`,
    `idempotent_call (scope, key, digest, holder, lease_until, expires_at) ${each(`'s', n::text, '', gen_random_uuid(), ${long}, ${long}`)}`,
    `tracked_item (id, queue, definition, state, attempts, enqueued_at, expires_at) ${each(`gen_random_uuid(), 1, 'note', 'succeeded', 1, ${long}, ${long}`)}`,
    `node (boot_id, name, types, version, queues, started_at, lease_until) ${each(`gen_random_uuid(), '', '{}', '', '{}', ${long}, ${long}`)}`,
  ])
    await node.query(`insert into ${schema}.${insert}`)
  await node.enqueue(note, 'kept', { uniqueKey: 'kept' })
  await node.enqueue(note, 'kept', { debounce: { key: 'kept', wait: '1 hour' } })
  const events = new Events()
  const problems: unknown[] = []
  events.listen((name, data) => {
    if (name === 'problem') problems.push(data)
  })
  const stream = new PostgresStream(database)
  const housekeeping = new Housekeeping({ database, stream, owned: new Map(), events })
  const left = async (): Promise<Record<string, number>> => {
    const tables = ['unique_key', 'debounce', 'idempotent_call', 'tracked_item', 'node']
    const { rows } = await node.query(
      `select ${tables.map((name) => `(select count(*)::int from ${schema}.${name}) as ${name}`).join(', ')}`,
    )
    return rows[0] as Record<string, number>
  }
  return { node, housekeeping, problems, left }
}

const kept = { unique_key: 1, debounce: 1, idempotent_call: 0, tracked_item: 0, node: 0 }

test('what is over goes, pass upon pass without a pause, and nothing else does', async (t) => {
  const { housekeeping, problems, left } = await full(t)
  assert.ok((await housekeeping.tick()) <= 100)
  const some = await left()
  for (const [name, count] of Object.entries(some)) assert.equal(count, many - 2_000 + kept[name as 'node'])
  assert.ok((await housekeeping.tick()) <= 100)
  assert.equal(await housekeeping.tick(), 10_000)
  assert.deepEqual(await left(), kept)
  assert.deepEqual(problems, [])
})

test('a step that fails is told of, and keeps no other from its work', async (t) => {
  const { node, housekeeping, problems, left } = await full(t)
  const error = new Error('it takes too long (a test did it)')
  const restore = intercept(node, async (name, proceed) => {
    if (name === 'expire-items') throw error
    return proceed()
  })
  while ((await housekeeping.tick()) < 10_000);
  restore()
  assert.deepEqual(await left(), { ...kept, tracked_item: many })
  assert.ok(problems.length >= 3)
  for (const problem of problems) assert.deepEqual(problem, { where: 'housekeeping', error })
})

test('where the database is away it is not asked again and again', async (t) => {
  const { node, housekeeping, problems } = await full(t)
  let asked = 0
  const restore = intercept(node, async () => {
    asked++
    throw unreachable()
  })
  assert.equal(await housekeeping.tick(), 10_000)
  restore()
  assert.deepEqual([asked, problems.length], [1, 1])
})
