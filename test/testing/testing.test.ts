import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from '../flows/setup.ts'

const add = defineQueueProcessor({
  name: 'add',
  input: z.object({ a: z.number(), b: z.number() }),
  process: ({ a, b }) => a + b,
})

test('a delayed item runs when the clock says so, and not before', async (t) => {
  const node = await setup(t, [add])
  const before = await node.now()
  const now = await node.enqueue(add, { a: 1, b: 2 })
  const later = await node.enqueue(add, { a: 3, b: 4 }, { delay: '2 days' })
  await node.drain()
  assert.deepEqual(
    (await node.items()).map(({ id, state }) => [id, state]),
    [
      [now, 'succeeded'],
      [later, 'scheduled'],
    ],
  )
  await node.advance('2 days')
  await node.drain()
  assert.equal(await node.result(later), 7)
  assert.ok((await node.now()).getTime() - before.getTime() >= 2 * 86_400_000)
})

test('nodes of one schema share the clock, and the leases move along', async (t) => {
  const first = await setup(t, [add])
  const second = await setup(t, [add], { place: first.place })
  const lost: string[] = []
  for (const node of [first, second])
    node.events.listen((name) => {
      if (name === 'node.lease-lost' || name === 'problem') lost.push(name)
    })
  const ids = await second.enqueueMany(
    add,
    Array.from({ length: 20 }, (_, a) => ({ a, b: 1 })),
    { delay: '1 hour' },
  )
  await second.advance('1 hour')
  await first.drain()
  assert.deepEqual(
    await Promise.all(ids.map((id) => first.result(id))),
    ids.map((_, a) => a + 1),
  )
  // An hour after the last time that either has read from the database.
  assert.equal(await second.result(await second.enqueue(add, { a: 5, b: 5 }), { wait: '5s' }), 10)
  assert.deepEqual(lost, [])
})

test('drain waits for what runs, and says what is open when it takes too long', async (t) => {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>()
  const slow = defineQueueProcessor({ name: 'slow', input: z.string(), process: () => told })
  const node = await setup(t, [slow])
  const id = await node.enqueue(slow, 'x')
  await assert.rejects(node.drain({ timeout: '100ms' }), /After 100 ms .* 1 of slow \(in the log\)/)
  const drained = node.drain()
  tell()
  await drained
  assert.equal((await node.item(id))?.state, 'succeeded')
})

test('drain leaves alone what waits for a time, and what is held behind it', async (t) => {
  let broken = true
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    key: () => 'k',
    process: (input) => {
      if (broken) throw new Error('away')
      ran.push(input)
    },
  })
  const node = await setup(t, [step])
  await node.enqueueMany(step, ['a', 'b', 'c'])
  await node.drain()
  assert.deepEqual(ran, [])
  broken = false
  await node.advance('2 minutes')
  await node.drain()
  assert.deepEqual(ran, ['a', 'b', 'c'])
})

test('a node that was not started runs nothing', async (t) => {
  const node = await setup(t, [add], { start: false })
  const id = await node.enqueue(add, { a: 1, b: 2 })
  assert.equal((await node.item(id))?.state, 'ready')
  await node.start()
  assert.equal(await node.result(id, { wait: '5s' }), 3)
})
