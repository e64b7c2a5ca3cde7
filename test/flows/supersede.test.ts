import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

test('the newest wins: what runs finishes, what waits between ends as cancelled, visibly', async (t) => {
  const ran: string[] = []
  const started = signal()
  const go = signal()
  const sync = defineQueueProcessor({
    name: 'sync',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    supersede: 'older',
    process: async ({ key, n }) => {
      if (key === 'a' && n === 0) {
        started.give()
        await go.promise
      }
      ran.push(`${key}${n}`)
    },
  })
  const node = await setup(t, [sync])
  const first = await node.enqueue(sync, { key: 'a', n: 0 })
  await started.promise
  const older = await node.enqueueMany(
    sync,
    [1, 2, 3].map((n) => ({ key: 'a', n })),
  )
  const newest = await node.enqueue(sync, { key: 'a', n: 4 })
  // Another key is not concerned; and it shows that all before it were read.
  const other = await node.enqueue(sync, { key: 'b', n: 0 })
  await node.result(other, { wait: '5s' })
  for (const id of older)
    await assert.rejects(node.result(id, { wait: '10s' }), {
      code: 'ITEM_CANCELLED',
      message: /superseded/,
    })
  go.give()
  await node.drain()
  assert.deepEqual(ran, ['b0', 'a0', 'a4'])
  assert.equal((await node.item(first))?.state, 'succeeded')
  assert.equal((await node.item(newest))?.state, 'succeeded')
  const cancelled = await node.item(older[1]!)
  assert.deepEqual(
    [cancelled?.state, cancelled?.reason, cancelled?.attempts, cancelled?.input],
    ['cancelled', 'superseded', 0, { key: 'a', n: 2 }],
  )
  assert.ok(cancelled?.endedAt)
})

test('one that waits for its next attempt is superseded too', async (t) => {
  const ran: number[] = []
  const sync = defineQueueProcessor({
    name: 'sync',
    input: z.number(),
    key: () => 'k',
    supersede: 'older',
    process: (n) => {
      if (n === 0) throw new Error('not now')
      ran.push(n)
    },
  })
  const node = await setup(t, [sync])
  const failing = await node.enqueue(sync, 0)
  await node.drain()
  assert.equal((await node.item(failing))?.state, 'scheduled')
  const newer = await node.enqueue(sync, 1)
  assert.equal(await node.result(newer, { wait: '10s' }), undefined)
  await node.drain()
  const superseded = await node.item(failing)
  assert.deepEqual(
    [superseded?.state, superseded?.reason, superseded?.attempts],
    ['cancelled', 'superseded', 1],
  )
  await node.advance('1 hour')
  await node.drain()
  assert.deepEqual(ran, [1])
})

test('one that fails after a newer one has come is not tried again', async (t) => {
  const ran: number[] = []
  const [started, go] = [signal(), signal()]
  const sync = defineQueueProcessor({
    name: 'sync',
    input: z.number(),
    key: (n) => (n < 9 ? 'k' : 'other'),
    supersede: 'older',
    process: async (n) => {
      if (n < 9) ran.push(n)
      if (n > 0) return
      started.give()
      await go.promise
      throw new Error('not now')
    },
  })
  const node = await setup(t, [sync])
  const failing = await node.enqueue(sync, 0)
  await started.promise
  const newer = await node.enqueue(sync, 1)
  // It shows that all before it were read.
  await node.result(await node.enqueue(sync, 9), { wait: '10s' })
  go.give()
  assert.equal(await node.result(newer, { wait: '10s' }), undefined)
  await node.drain()
  const superseded = await node.item(failing)
  assert.deepEqual([superseded?.state, superseded?.attempts], ['cancelled', 1])
  assert.deepEqual(ran, [0, 1])
})

test('a burst of one key comes down to the last, and every item is accounted for', async (t) => {
  const ran: number[] = []
  const sync = defineQueueProcessor({
    name: 'sync',
    input: z.number(),
    key: () => 'k',
    supersede: 'older',
    process: async (n) => {
      await new Promise(setImmediate)
      ran.push(n)
    },
  })
  const node = await setup(t, [sync])
  const ids = await node.enqueueMany(
    sync,
    Array.from({ length: 1_000 }, (_, n) => n),
  )
  await node.drain()
  const items = await node.items()
  assert.deepEqual(
    items.map(({ id }) => id),
    ids,
  )
  const states = items.map(({ state }) => state)
  assert.equal(states.at(-1), 'succeeded')
  assert.equal(states.filter((state) => state === 'succeeded').length, ran.length)
  assert.equal(states.filter((state) => state === 'cancelled').length, 1_000 - ran.length)
  assert.deepEqual(
    ran,
    ran.toSorted((a, b) => a - b),
  )
  assert.equal(ran.at(-1), 999)
})
