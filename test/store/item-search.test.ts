import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { countItems, findItems } from '../../src/engine/item-search.ts'
import { engineOf } from '../../src/node.ts'
import type { ItemFilter } from '../../src/store/item-filter.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'

const quiet = { info() {}, warn() {}, error() {} }
const states = ['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled']

test(
  'items are selected by any states, each once, in the order of their ids',
  { timeout: 60_000 },
  async (t) => {
    const go = signal()
    const started = signal()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.object({ key: z.string(), what: z.string() }),
      key: ({ key }) => key,
      concurrency: 1,
      retry: { maxAttempts: 2, initialDelay: '1 hour' },
      process: async ({ what }) => {
        if (what === 'rejected') throw new Reject('no')
        if (what === 'fails') throw new Error('not now')
        if (what !== 'blocks') return
        started.give()
        await go.promise
      },
    })
    const node = await setup(t, [step], { log: quiet })
    const { database } = engineOf(node)
    const { driver } = database
    for (const what of ['rejected', 'fails', 'well']) {
      await node.enqueue(step, { key: what, what })
      await node.drain()
    }
    await node.enqueue(step, { key: 'a', what: 'blocks' })
    await started.promise
    const held = await node.enqueue(step, { key: 'a', what: 'held' })
    await node.edit(held, { input: { key: 'a', what: 'held in the lane' } })
    await node.enqueue(step, { key: 'b', what: 'ready' })
    const [one, two] = await node.enqueueMany(
      step,
      ['c', 'd'].map((key) => ({ key, what: 'late' })),
      { delay: '1 day' },
    )
    await node.enqueue(step, { key: 'e', what: 'late' }, { delay: '1 day' })
    await node.cancel(one!)
    await node.defer(two!)
    await node.advance('2 seconds')
    const count = async (some: readonly string[]) => (await countItems(database, { states: some }, 100)).count
    const find = async (
      filter: ItemFilter,
      after?: string,
      limit = 100,
      order: 'newest' | 'oldest' = 'oldest',
    ) => (await findItems(database, filter, { order, limit, after })).ids
    // The one that runs is entered as ready, then published as running.
    while ((await count(['running'])) < 1 || (await count(['ready'])) < 1)
      await driver.query('select pg_sleep(0.05)')
    const each = new Map<string, number>()
    for (const state of states) each.set(state, await count([state]))
    assert.deepEqual(Object.fromEntries(each), {
      ...Object.fromEntries(states.map((state) => [state, 1])),
      scheduled: 2,
    })
    const all = await find({})
    assert.deepEqual([all.length, all], [9, all.toSorted()])
    for (let bits = 1; bits < 256; bits++) {
      const some = states.filter((_, at) => (bits >> at) % 2 === 1)
      const expected = some.reduce((sum, state) => sum + each.get(state)!, 0)
      const ids = await find({ states: some })
      assert.equal(ids.length, expected, some.join())
      assert.deepEqual(ids, [...new Set(ids)].toSorted())
    }
    const [first, second] = all
    assert.deepEqual(await find({}, first, 1), [second])
    assert.deepEqual(await find({ upTo: second! }), [first, second])
    assert.deepEqual(await find({ states: [] }), [])
    assert.deepEqual(await find({}, undefined, 100, 'newest'), all.toReversed())
    assert.deepEqual(await find({}, all.at(-1), 2, 'newest'), all.slice(-3, -1).toReversed())
    assert.deepEqual(await countItems(database, {}, 4), { count: 4, isAtLeast: true })
    assert.deepEqual(await countItems(database, {}, 9), { count: 9, isAtLeast: false })
    go.give()
  },
)
