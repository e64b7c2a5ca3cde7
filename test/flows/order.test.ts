import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { OrderWatch, signal } from './order-watch.ts'
import { setup } from './setup.ts'

const input = z.object({ key: z.string(), n: z.number() })

test('thousands of items, hot and cold keys, over several calls: each key in order and one at a time', async (t) => {
  const watch = new OrderWatch()
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key: ({ key }) => key,
    concurrency: 20,
    process: ({ key, n }) => watch.run(key, n),
  })
  const node = await setup(t, [step])
  const wanted = new Map<string, number[]>()
  const next = (key: string) => {
    const numbers = wanted.get(key) ?? []
    wanted.set(key, numbers)
    numbers.push(numbers.length)
    return { key, n: numbers.length - 1 }
  }
  const keyAt = (at: number) => (at % 2 === 0 ? 'hot' : at % 7 === 0 ? 'warm' : `cold-${at % 1009}`)
  for (let call = 0; call < 4; call++) {
    const many = Array.from({ length: 700 }, (_, at) => next(keyAt(call * 700 + at)))
    await node.enqueueMany(step, many)
    // One by one, too: what one caller awaits comes after what it awaited before.
    await node.enqueue(step, next('hot'))
    await node.enqueue(step, next('cold-1'))
  }
  await node.drain()
  watch.assertRan(wanted)
  assert.equal(watch.mostAtOnce, 20)
})

test('other keys go on at once while one is busy, up to the concurrency', async (t) => {
  const watch = new OrderWatch()
  const go = signal()
  const allIn = signal()
  let started = 0
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key: ({ key }) => key,
    concurrency: 5,
    process: ({ key, n }) => {
      if (++started === 5) allIn.give()
      return watch.run(key, n, () => go.promise)
    },
  })
  const node = await setup(t, [step])
  await node.enqueueMany(
    step,
    ['a', 'a', 'b', 'a', 'c', 'd', 'e', 'f', 'g'].map((key, n) => ({ key, n })),
  )
  await allIn.promise
  assert.equal(started, 5)
  assert.equal(watch.mostAtOnce, 5)
  go.give()
  await node.drain()
  watch.assertRan(
    new Map([
      ['a', [0, 1, 3]],
      ['b', [2]],
      ...['c', 'd', 'e', 'f', 'g'].map((key, at): [string, number[]] => [key, [at + 4]]),
    ]),
  )
})

test('definitions of one order group share the order of their keys', async (t) => {
  const watch = new OrderWatch()
  const kinds = ['create', 'change'].map((name) =>
    defineQueueProcessor({
      name,
      input,
      key: ({ key }) => key,
      orderGroup: 'employee',
      process: ({ key, n }) => watch.run(key, n),
    }),
  )
  const node = await setup(t, kinds)
  for (let n = 0; n < 20; n++) await node.enqueue(kinds[n % 2]!, { key: 'k', n })
  await node.drain()
  watch.assertRan(new Map([['k', Array.from({ length: 20 }, (_, n) => n)]]))
})

/** Fails at the first attempt of what says so. */
function failing(order: 'strict' | 'relaxed', ran: string[]) {
  return defineQueueProcessor({
    name: 'failing',
    input: z.object({
      key: z.string(),
      fails: z.enum(['once', 'always', 'rejected']).optional(),
      n: z.number(),
    }),
    key: ({ key }) => key,
    order,
    retry: { maxAttempts: 2, initialDelay: '1 minute' },
    process: ({ key, n, fails }, { attempt }) => {
      if (fails === 'rejected') throw new Reject('never')
      if (fails === 'always' || (fails === 'once' && attempt === 1)) throw new Error('not now')
      ran.push(`${key}${n}`)
    },
  })
}

test('strict: behind an item that waits for its next attempt its key is held, and nobody else', async (t) => {
  const ran: string[] = []
  const step = failing('strict', ran)
  const node = await setup(t, [step])
  const ids = await node.enqueueMany(step, [
    { key: 'a', n: 0 },
    { key: 'a', n: 1, fails: 'once' },
    { key: 'a', n: 2 },
    { key: 'b', n: 0 },
  ])
  await node.drain()
  // One more, when the line of the key may have left memory.
  await node.enqueue(step, { key: 'a', n: 3 })
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['a0', 'b0'])
  assert.deepEqual(await Promise.all(ids.map(async (id) => (await node.item(id))?.state)), [
    'succeeded',
    'scheduled',
    'ready',
    'succeeded',
  ])
  await node.advance('2 minutes')
  await node.drain()
  assert.deepEqual(ran.slice(2), ['a1', 'a2', 'a3'])
})

test('relaxed: later ones overtake', async (t) => {
  const ran: string[] = []
  const step = failing('relaxed', ran)
  const node = await setup(t, [step])
  await node.enqueueMany(step, [
    { key: 'a', n: 0, fails: 'once' },
    { key: 'a', n: 1, fails: 'once' },
    { key: 'a', n: 2 },
  ])
  await node.drain()
  await node.enqueue(step, { key: 'a', n: 3 })
  await node.drain()
  assert.deepEqual(ran, ['a2', 'a3'])
  await node.advance('2 minutes')
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['a0', 'a1', 'a2', 'a3'])
})

for (const fails of ['always', 'rejected'] as const)
  test(`a broken item (${fails}) lets its key go on`, async (t) => {
    const ran: string[] = []
    const step = failing('strict', ran)
    const node = await setup(t, [step])
    const [id] = await node.enqueueMany(step, [
      { key: 'a', n: 0, fails },
      { key: 'a', n: 1 },
    ])
    await node.drain()
    await node.advance('2 minutes')
    await node.drain()
    assert.equal((await node.item(id!))?.state, 'broken')
    assert.deepEqual(ran, ['a1'])
  })
