import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { timedOut } from '../../src/store/database-error.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'
import { intercept, unreachable } from './faults.ts'

const settles = (name: string) => /^settle-\d/.test(name)

/** What the driver throws where a statement took too long; the server has undone it. */
const tooSlow = () => timedOut('The statement was cancelled (a test did it)', false)

const child = defineQueueProcessor({
  name: 'child',
  input: z.string(),
  maxPayload: '8 MB',
  process: () => {},
})

/** How many delayed items the settle puts into the lane. */
function delayedIn(values: readonly unknown[]): number {
  return values.reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.split('"moves":true').length - 1 : 0),
    0,
  )
}

test(
  'what attempts have enqueued goes a portion with each settle, however many end at once',
  { timeout: 120_000 },
  async (t) => {
    const all = signal()
    let running = 0
    const fan = defineQueueProcessor({
      name: 'fan',
      input: z.number(),
      key: String,
      dedicated: { partitions: 1 },
      concurrency: 6,
      process: async (_, ctx) => {
        for (let n = 0; n < 2_000; n++) await ctx.enqueue(child, '', { delay: '1 hour' })
        if (++running === 6) all.give()
        await all.promise
      },
    })
    const node = await setup(t, [fan, child])
    const portions: number[] = []
    const stop = intercept(node, (name, proceed, values) => {
      const delayed = settles(name) ? delayedIn(values) : 0
      if (delayed > 0) portions.push(delayed)
      return proceed()
    })
    const ids = await node.enqueueMany(fan, [0, 1, 2, 3, 4, 5])
    await node.drain()
    stop()
    assert.deepEqual(portions, [4_000, 4_000, 4_000])
    const items = await Promise.all(ids.map((id) => node.item(id)))
    assert.deepEqual(new Set(items.map((item) => item?.state)), new Set(['succeeded']))
  },
)

for (const [what, count, input, delay] of [
  ['items', 50_001, '', undefined],
  ['delayed items', 5_001, '', '1 hour'],
  ['characters', 3, 'x'.repeat(5_500_000), undefined],
] as const)
  test(`one attempt enqueues only so many ${what}`, { timeout: 120_000 }, async (t) => {
    let enqueued = 0
    const fan = defineQueueProcessor({
      name: 'fan',
      input: z.null(),
      retry: { maxAttempts: 1 },
      process: async (_, ctx) => {
        for (let n = 0; n < count; n++) {
          enqueued = n
          await ctx.enqueue(child, input, delay ? { delay } : {})
        }
      },
    })
    const node = await setup(t, [fan, child])
    const id = await node.enqueue(fan, null)
    await node.drain()
    const item = await node.item(id)
    assert.equal(item?.state, 'broken')
    assert.equal(item.error?.code, 'OUTCOME_TOO_LARGE')
    assert.match(
      item.error.message,
      /50,000 items, a delayed one counting for 10, with 16,000,000 characters/,
    )
    assert.equal(enqueued, count - 1)
    // None of them is there.
    assert.deepEqual(
      (await node.items()).map(({ processor }) => processor),
      ['fan'],
    )
  })

test('one item beyond the characters may be enqueued', async (t) => {
  const fan = defineQueueProcessor({
    name: 'fan',
    input: z.null(),
    process: async (_, ctx) => void (await ctx.enqueue(large, 'x'.repeat(17_000_000), { delay: '1 hour' })),
  })
  const large = defineQueueProcessor({
    name: 'large',
    input: z.string(),
    maxPayload: '20 MB',
    process: () => {},
  })
  const node = await setup(t, [fan, large])
  const id = await node.enqueue(fan, null)
  await node.drain()
  assert.equal((await node.item(id))?.state, 'succeeded')
})

test('a settle that takes too long is divided until its parts do not', { timeout: 120_000 }, async (t) => {
  const many = 200
  const all = signal()
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    key: (text) => text,
    dedicated: { partitions: 1 },
    concurrency: many,
    process: async (text) => {
      if (ran.push(text) === many) all.give()
      await all.promise
    },
  })
  const node = await setup(t, [step])
  const sizes: number[] = []
  const stop = intercept(node, (name, proceed, values) => {
    if (!settles(name)) return proceed()
    const size = new Set(JSON.stringify(values).match(/item-\d+/g)).size
    if (size > 60) return Promise.reject(tooSlow())
    sizes.push(size)
    return proceed()
  })
  const inputs = Array.from({ length: many }, (_, n) => `item-${n}`)
  const ids = await node.enqueueMany(step, inputs)
  await node.drain()
  stop()
  assert.deepEqual(ran.toSorted(), inputs.toSorted())
  assert.ok(sizes.some((size) => size > 40))
  const items = await Promise.all(ids.map((id) => node.item(id)))
  assert.deepEqual(new Set(items.map((item) => `${item?.state} ${item?.attempts}`)), new Set(['succeeded 1']))
})

/** One item that leaves much, another behind it in its key, and a third. */
function heavyOne(isWriting: boolean) {
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['heavy', 'behind it', 'other']),
    key: (what) => (what === 'other' ? 'other' : 'key'),
    retry: { maxAttempts: 2, initialDelay: '1 minute', jitter: 0 },
    process: async (what, ctx) => {
      ran.push(`${what} ${ctx.attempt}`)
      if (isWriting) ctx.atCommit(() => {})
      if (what === 'heavy' && ctx.attempt === 1)
        for (let n = 0; n < 1_001; n++) await ctx.enqueue(child, '', { delay: '1 hour' })
    },
  })
  return { ran, step, inputs: ['heavy', 'behind it', 'other'] as const }
}

test(
  'an item that leaves too much for a settle fails, it alone; what comes after it in its key has waited',
  { timeout: 120_000 },
  async (t) => {
    const { ran, step, inputs } = heavyOne(false)
    const node = await setup(t, [step, child])
    const stop = intercept(node, (name, proceed, values) =>
      settles(name) && delayedIn(values) > 0 ? Promise.reject(tooSlow()) : proceed(),
    )
    const ids = await node.enqueueMany(step, inputs)
    await node.drain()
    const [heavy, behind, other] = await Promise.all(ids.map((id) => node.item(id)))
    assert.equal(heavy?.state, 'scheduled')
    assert.equal(heavy.error?.code, 'OUTCOME_TOO_LARGE')
    assert.equal(behind?.attempts, 0)
    assert.equal(other?.state, 'succeeded')
    await node.advance('2 minutes')
    await node.drain()
    stop()
    assert.deepEqual(
      ran.filter((what) => !what.startsWith('other')),
      ['heavy 1', 'heavy 2', 'behind it 1'],
    )
    assert.equal((await node.items()).filter(({ processor }) => processor === 'child').length, 0)
  },
)

for (const [why, light, away] of [
  ['the database answers nobody', false, true],
  ['it leaves little, so that something else holds it up', true, false],
] as const)
  test(`a settle that takes too long is tried again where ${why}`, { timeout: 120_000 }, async (t) => {
    const { ran, step, inputs } = heavyOne(false)
    const node = await setup(t, [step, child])
    let tries = 0
    const stop = intercept(node, (name, proceed) => {
      if (away && tries > 0 && tries < 5 && name.startsWith('clock')) return Promise.reject(unreachable())
      return settles(name) && ++tries < 5 ? Promise.reject(tooSlow()) : proceed()
    })
    const id = await node.enqueue(step, light ? 'other' : inputs[0])
    await node.drain()
    stop()
    const item = await node.item(id)
    assert.deepEqual([item?.state, item?.attempts], ['succeeded', 1])
    assert.equal(ran.length, 1)
    assert.equal(tries, 5)
  })

test(
  'one of a group with atCommit that leaves too much for a settle fails, it alone',
  { timeout: 120_000 },
  async (t) => {
    const { ran, step, inputs } = heavyOne(true)
    const node = await setup(t, [step, child])
    const { driver } = engineOf(node).database
    const transaction = driver.transaction.bind(driver)
    driver.transaction = (work, options) =>
      transaction(
        (real) =>
          work({
            run: real.run.bind(real),
            query: real.query.bind(real),
            runAndCommit: (statement, values = []) =>
              delayedIn(values) > 0 ? Promise.reject(tooSlow()) : real.runAndCommit(statement, values),
          }),
        options,
      )
    const ids = await node.enqueueMany(step, inputs)
    await node.drain()
    const items = await Promise.all(ids.map((id) => node.item(id)))
    assert.deepEqual([items[0]?.state, items[1]?.attempts, items[2]?.state], ['scheduled', 0, 'succeeded'])
    assert.equal(items[0]?.error?.code, 'OUTCOME_TOO_LARGE')
    await node.advance('2 minutes')
    await node.drain()
    assert.deepEqual(
      ran.filter((what) => !what.startsWith('other')),
      ['heavy 1', 'heavy 2', 'behind it 1'],
    )
  },
)
