import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { setup } from './setup.ts'

const old = defineQueueProcessor({ name: 'hire', input: z.object({ name: z.string() }) })
const newer = z.object({ first: z.string(), last: z.string() })

test('upgrade makes a payload of an earlier release fit, in the log and in the lane', async (t) => {
  const client = await setup(t, [old], { start: false })
  const now = await client.enqueue(old, { name: 'Ada Lovelace' })
  const later = await client.enqueue(old, { name: 'Grace Hopper' }, { delay: '1 hour' })
  const stored: unknown[] = []
  const step = defineQueueProcessor({
    name: 'hire',
    input: newer,
    upgrade: (payload) => {
      stored.push(payload)
      if (typeof payload !== 'object' || payload === null || !('name' in payload)) return payload
      const [first, last] = String(payload.name).split(' ')
      return { first, last }
    },
    process: ({ first, last }) => `${last}, ${first}`,
  })
  const node = await setup(t, [step], { place: client.place })
  const fresh = await node.enqueue(step, { first: 'Mary', last: 'Jackson' })
  await node.advance('1 hour')
  await node.drain()
  assert.deepEqual(await Promise.all([now, later, fresh].map((id) => node.result(id))), [
    'Lovelace, Ada',
    'Hopper, Grace',
    'Jackson, Mary',
  ])
  // Called at each attempt, and not at acceptance.
  assert.equal(stored.length, 3)
  // What is stored stays as it was accepted.
  assert.deepEqual((await node.item(now))?.input, { name: 'Ada Lovelace' })
})

for (const [how, upgrade] of [
  ['without an upgrade', undefined],
  ['whose upgrade does not make it fit', () => ({ first: 'Ada' })],
  [
    'whose upgrade throws',
    () => {
      throw new Error('no idea')
    },
  ],
] as const)
  test(`a payload that no longer fits, ${how}, is broken and the handler is not called`, async (t) => {
    const client = await setup(t, [old], { start: false })
    const id = await client.enqueue(old, { name: 'Ada' })
    let called = 0
    const step = defineQueueProcessor({
      name: 'hire',
      input: newer,
      ...(upgrade ? { upgrade } : {}),
      process: () => void called++,
    })
    const node = await setup(t, [step], { place: client.place })
    await node.drain()
    const item = await node.item(id)
    assert.equal(item?.state, 'broken')
    assert.equal(item.error?.code, 'PAYLOAD_NO_LONGER_FITS')
    assert.match(item.error?.message ?? '', /hire|no idea/)
    assert.equal(called, 0)
    assert.deepEqual(item.input, { name: 'Ada' })
  })

const known = defineQueueProcessor({
  name: 'known',
  input: z.string(),
  dedicated: { partitions: 1 },
  process: (text) => text,
})

/** Two definitions of one queue: the standard one, in the partition of their one key. */
function twoOfAQueue(ran: string[]) {
  const key = () => 'k'
  const both = defineQueueProcessor({
    name: 'both',
    input: z.string(),
    key,
    process: (text, { attempt }) => {
      if (text === 'once' && attempt === 1) throw new Error('once')
      ran.push(`both ${text}`)
    },
  })
  const newly = defineQueueProcessor({
    name: 'newly',
    input: z.object({ n: z.number() }),
    key,
    process: ({ n }) => void ran.push(`newly ${n}`),
  })
  const declared = defineQueueProcessor({ name: 'newly', input: z.object({ n: z.number() }), key })
  return { both, newly, declared }
}

test('items without a handler on their node are set aside in order, and others of the queue run', async (t) => {
  const ran: string[] = []
  const { both, newly, declared } = twoOfAQueue(ran)
  const before = await setup(t, [both, declared])
  const ids = await before.enqueueMany(
    declared,
    Array.from({ length: 300 }, (_, n) => ({ n })),
  )
  await before.enqueue(both, 'runs')
  await until('the other one has run', () => ran.length === 1)
  const inLane = async () => {
    const { rows } = await before.query(
      `select count(*)::int as n from ${before.place.schema}.waiting_item where state = 'ready'`,
    )
    return rows[0]!['n'] as number
  }
  await until('all are set aside', async () => (await inLane()) === 300)
  assert.equal((await before.item(ids[0]!))?.state, 'ready')
  await before.stop()
  const after = await setup(t, [both, newly], { place: before.place })
  await after.enqueue(newly, { n: 300 })
  await after.drain()
  assert.deepEqual(ran, ['both runs', ...Array.from({ length: 301 }, (_, n) => `newly ${n}`)])
  assert.deepEqual(
    [(await after.item(ids[0]!))?.state, (await after.item(ids[0]!))?.attempts],
    ['succeeded', 1],
  )
})

test('a handler that is gone keeps nobody waiting but its own items', async (t) => {
  const ran: string[] = []
  const { both, declared } = twoOfAQueue(ran)
  // In each partition more than one look of the lane takes, without a key so that all fail and wait.
  const many = defineQueueProcessor({
    name: 'newly',
    input: z.object({ n: z.number() }),
    retry: { maxAttempts: 5, initialDelay: '1 minute', factor: 1, jitter: 0 },
    process: () => {
      throw new Error('always')
    },
  })
  const failing = await setup(t, [both, many])
  for (let row = 0; row < 6; row++)
    await failing.enqueueMany(
      many,
      Array.from({ length: 250 }, (_, n) => ({ n })),
    )
  await failing.enqueue(both, 'once')
  await failing.drain()
  await failing.stop()
  const after = await setup(t, [both, declared], { place: failing.place })
  await after.advance('2 minutes')
  await until('the one that has a handler runs again', () => ran.includes('both once'))
})

test('a node takes no partition of a queue that it has no handler for', async (t) => {
  const other = defineQueueProcessor({ name: 'other', input: z.string(), process: (text) => text })
  const declared = defineQueueProcessor({ name: 'known', input: z.string(), dedicated: { partitions: 1 } })
  const without = await setup(t, [other, declared])
  const id = await without.enqueue(declared, 'x')
  await without.result(await without.enqueue(other, 'y'), { wait: '5s' })
  assert.equal((await without.item(id))?.state, 'ready')
  const having = await setup(t, [known], { place: without.place })
  assert.equal(await having.result(id, { wait: '10s' }), 'x')
})
