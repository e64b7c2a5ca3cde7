import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { testDatabase } from '../databases.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'
import { answerLost, intercept, unreachable } from './faults.ts'

const skip = testDatabase().kind === 'pglite' && 'over its one connection settles wait for each other'

const numbers = Array.from({ length: 400 }, (_, n) => n)

/** Runs 400 items of one partition while their settles are watched. */
async function watch(
  t: TestContext,
  key: ((n: number) => string) | undefined,
  see: (begun: number, proceed: () => Promise<never[]>) => Promise<unknown> = (_, proceed) => proceed(),
) {
  const ran: number[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    ...(key ? { key } : {}),
    dedicated: { partitions: 1 },
    concurrency: 50,
    process: async (n) => void ran.push(n),
  })
  const node = await setup(t, [step], { maxUnsettled: 40 })
  let begun = 0
  let underWay = 0
  let most = 0
  const stop = intercept(node, async (name, proceed) => {
    if (!/^settle-\d/.test(name)) return proceed()
    most = Math.max(most, ++underWay)
    try {
      return (await see(++begun, proceed as () => Promise<never[]>)) as never[]
    } finally {
      underWay--
    }
  })
  const ids = await node.enqueueMany(step, numbers)
  await node.drain()
  stop()
  const states = new Set((await Promise.all(ids.map((id) => node.item(id)))).map((item) => item?.state))
  return { ran, most, states }
}

test(
  'items without a key: a settle may be under way beside another',
  { skip, timeout: 60_000 },
  async (t) => {
    const second = signal()
    // The first waits for the second to have begun: one after the other would wait for ever.
    const { ran, most, states } = await watch(t, undefined, async (begun, proceed) => {
      if (begun === 2) second.give()
      if (begun === 1) await second.promise
      return proceed()
    })
    assert.equal(most, 2)
    assert.deepEqual([...states], ['succeeded'])
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      numbers,
    )
  },
)

test('each second one fails, in all the ways there are: each item is settled once', { skip }, async (t) => {
  const { ran, most, states } = await watch(t, undefined, async (begun, proceed) => {
    if (begun % 4 === 1) throw unreachable()
    const rows = await proceed()
    if (begun % 4 === 3) throw answerLost()
    return rows
  })
  assert.equal(most, 2)
  assert.deepEqual([...states], ['succeeded'])
  assert.deepEqual(
    ran.toSorted((a, b) => a - b),
    numbers,
  )
})

test('items with a key settle one batch after the other', { skip }, async (t) => {
  const { ran, most, states } = await watch(t, (n) => `key ${n % 100}`)
  assert.equal(most, 1)
  assert.deepEqual([...states], ['succeeded'])
  assert.equal(ran.length, 400)
})

test(
  'items with and without a key: those with one keep their order',
  { skip, timeout: 60_000 },
  async (t) => {
    const ran: number[] = []
    const common = { input: z.number(), concurrency: 50, process: async (n: number) => void ran.push(n) }
    const plain = defineQueueProcessor({ name: 'plain', ...common })
    const keyed = defineQueueProcessor({ name: 'keyed', key: (n: number) => `key ${n % 20}`, ...common })
    const node = await setup(t, [plain, keyed], { maxUnsettled: 40 })
    let begun = 0
    let keyedUnderWay = 0
    let mostKeyed = 0
    const stop = intercept(node, async (name, proceed, values) => {
      if (!/^settle-\d/.test(name)) return proceed()
      const isKeyed = JSON.stringify(values).includes('key ')
      if (isKeyed) mostKeyed = Math.max(mostKeyed, ++keyedUnderWay)
      try {
        if (++begun % 4 === 1) throw unreachable()
        return await proceed()
      } finally {
        if (isKeyed) keyedUnderWay--
      }
    })
    const ids = await Promise.all(numbers.map((n) => node.enqueue(n < 200 ? keyed : plain, n)))
    await node.drain()
    stop()
    const states = new Set((await Promise.all(ids.map((id) => node.item(id)))).map((item) => item?.state))
    assert.deepEqual([...states], ['succeeded'])
    assert.equal(mostKeyed, 1)
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      numbers,
    )
    for (let key = 0; key < 20; key++) {
      const mine = ran.filter((n) => n < 200 && n % 20 === key)
      assert.deepEqual(
        mine,
        mine.toSorted((a, b) => a - b),
      )
    }
  },
)

test(
  'a settle has no more items than may be unsettled, however many end at once',
  { timeout: 60_000 },
  async (t) => {
    const all = signal()
    const most = 1_200
    let running = 0
    const step = defineQueueProcessor({
      name: 'step',
      input: z.number(),
      key: String,
      dedicated: { partitions: 1 },
      concurrency: most,
      process: async () => {
        if (++running === most) all.give()
        await all.promise
      },
    })
    const node = await setup(t, [step])
    const settles: number[] = []
    node.events.listen((event, data) => {
      if (event === 'settle.done') settles.push((data as { items: number }).items)
    })
    await node.enqueueMany(
      step,
      Array.from({ length: most }, (_, n) => n),
    )
    await node.drain()
    assert.equal(
      settles.reduce((sum, items) => sum + items, 0),
      most,
    )
    assert.ok(Math.max(...settles) <= 500)
  },
)
