import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import type { Runner, Statement } from '../../src/store/driver.ts'
import { countMatching, readMatching } from '../../src/store/item-selection.ts'
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
    const { driver, schema } = engineOf(node).database
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
    const count = (some: readonly string[]) => countMatching(driver, schema, { states: some }, 100)
    // The one that runs is entered as ready, then published as running.
    while ((await count(['running'])) < 1 || (await count(['ready'])) < 1)
      await driver.query('select pg_sleep(0.05)')
    const each = new Map<string, number>()
    for (const state of states) each.set(state, await count([state]))
    assert.deepEqual(Object.fromEntries(each), {
      ...Object.fromEntries(states.map((state) => [state, 1])),
      scheduled: 2,
    })
    const all = await readMatching(driver, schema, {}, undefined, 100)
    assert.deepEqual([all.length, all], [9, all.toSorted()])
    for (let bits = 1; bits < 256; bits++) {
      const some = states.filter((_, at) => (bits >> at) % 2 === 1)
      const expected = some.reduce((sum, state) => sum + each.get(state)!, 0)
      const ids = await readMatching(driver, schema, { states: some }, undefined, 100)
      assert.equal(ids.length, expected, some.join())
      assert.deepEqual(ids, [...new Set(ids)].toSorted())
    }
    const [first, second] = all
    assert.deepEqual(await readMatching(driver, schema, {}, first, 1), [second])
    assert.deepEqual(await readMatching(driver, schema, { upTo: second! }, undefined, 100), [first, second])
    assert.deepEqual(await readMatching(driver, schema, { states: [] }, undefined, 100), [])
    assert.equal(await countMatching(driver, schema, {}, 4), 4)
    go.give()
  },
)

test('only tables are read in which an item of the states may be', async () => {
  const texts: string[] = []
  const runner = {
    run: async ({ text }: Statement) => {
      texts.push(text)
      return []
    },
  } as unknown as Runner
  const tables = async (some: readonly string[] | undefined) => {
    await readMatching(runner, 'public', some ? { states: some } : {}, undefined, 10)
    const text = texts.pop() as string
    return ['broken_item b', 'waiting_item w', 'tracked_item t\n', 'ended_at is null', 'not exists'].filter(
      (part) => text.includes(part),
    )
  }
  const [broken, waiting, tracked, open, apart] = [
    'broken_item b',
    'waiting_item w',
    'tracked_item t\n',
    'ended_at is null',
    'not exists',
  ]
  assert.deepEqual(await tables(['broken']), [broken])
  assert.deepEqual(await tables(['scheduled', 'deferred']), [waiting])
  assert.deepEqual(await tables(['broken', 'running']), [broken, waiting, tracked, open, apart])
  assert.deepEqual(await tables(['succeeded', 'cancelled']), [tracked])
  assert.deepEqual(await tables(['held', 'succeeded']), [waiting, tracked, apart])
  assert.deepEqual(await tables(undefined), [broken, waiting, tracked, apart])
})
