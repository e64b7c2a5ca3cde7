import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'
import { answerLost, intercept, unreachable } from './faults.ts'

const settles = (name: string) => /^settle-\d/.test(name)

const child = defineQueueProcessor({ name: 'child', input: z.string(), process: () => {} })

/** One item of each kind of outcome; each run is counted. */
function kinds() {
  const runs: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['succeeds', 'fails once', 'fails', 'rejected', 'enqueues', 'reports']),
    key: (what) => what,
    retry: { maxAttempts: 2, initialDelay: '1 minute' },
    process: async (what, ctx) => {
      runs.push(what)
      if (what === 'rejected') throw new Reject('no')
      if (what === 'fails' || (what === 'fails once' && ctx.attempt === 1)) throw new Error('not now')
      if (what === 'enqueues') await ctx.enqueue(child, 'x')
      if (what === 'reports') ctx.log('a line')
    },
  })
  const all = ['succeeds', 'fails once', 'fails', 'rejected', 'enqueues', 'reports'] as const
  return { runs, step, all }
}

for (const [fault, when] of [
  ['the answer to every settle is lost once', 'after'],
  ['every settle finds the database away once', 'before'],
] as const)
  test(`${fault}: everything is settled once, and nothing runs again`, { timeout: 60_000 }, async (t) => {
    const { runs, step, all } = kinds()
    const node = await setup(t, [step, child])
    let fail = true
    const faults: string[] = []
    const stop = intercept(node, async (name, proceed) => {
      if (!settles(name)) return proceed()
      fail = !fail
      if (fail) return proceed()
      faults.push(name)
      if (when === 'before') throw unreachable()
      await proceed()
      throw answerLost()
    })
    const ids = await node.enqueueMany(step, all)
    await node.enqueue(child, 'late', { delay: '1 minute' })
    await node.drain()
    await node.advance('2 minutes')
    await node.drain()
    stop()
    assert.ok(faults.length >= 2)
    const items = await Promise.all(ids.map((id) => node.item(id)))
    assert.deepEqual(
      items.map((item) => [item?.state, item?.attempts]),
      [
        ['succeeded', 1],
        ['succeeded', 2],
        ['broken', 2],
        ['broken', 1],
        ['succeeded', 1],
        ['succeeded', 1],
      ],
    )
    assert.deepEqual(runs.toSorted(), [...all, 'fails', 'fails once'].toSorted())
    assert.equal((await node.items()).filter(({ processor }) => processor === 'child').length, 2)
    assert.deepEqual(
      (await node.itemLog(ids[5]!)).map(({ message }) => message),
      ['a line'],
    )
    // Its keys are free.
    for (const what of all.slice(0, 2)) await node.enqueue(step, what)
    await node.drain()
    assert.equal(runs.length, 10)
  })

test(
  'an outcome that cannot be stored breaks its own item, whatever it was',
  { timeout: 60_000 },
  async (t) => {
    const step = defineQueueProcessor({
      name: 'step',
      input: z.enum(['good', 'bad result', 'bad line', 'bad line and failure']),
      key: (what) => what,
      process: (what, { log }) => {
        if (what.startsWith('bad line')) log('POISON')
        if (what.endsWith('failure')) throw new Error('not now')
        return what === 'bad result' ? 'POISON' : 'fine'
      },
    })
    const node = await setup(t, [step])
    const stop = intercept(node, (name, proceed, values) => {
      if (settles(name) && JSON.stringify(values).includes('POISON'))
        return Promise.reject(Object.assign(new Error('cannot be stored'), { code: '22P05' }))
      return proceed()
    })
    const whats = ['good', 'bad result', 'bad line', 'bad line and failure'] as const
    const ids = await node.enqueueMany(step, [...whats, ...whats])
    await node.drain()
    stop()
    const items = await Promise.all(ids.map((id) => node.item(id)))
    assert.deepEqual(
      items.map((item) => item?.state),
      ['succeeded', 'broken', 'broken', 'broken', 'succeeded', 'broken', 'broken', 'broken'],
    )
    for (const item of items) if (item?.state === 'broken') assert.equal(item.error?.code, 'RESULT_INVALID')
  },
)

test('no item settles before an earlier one of its key, also where the later one has atCommit', async (t) => {
  const held = signal()
  const wrote = signal()
  const order: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['plain', 'writes']),
    key: () => 'k',
    process: (what, { atCommit }) => {
      if (what === 'plain') return
      atCommit(() => {
        order.push('write')
      })
      wrote.give()
    },
  })
  const node = await setup(t, [step])
  const stop = intercept(node, async (name, proceed) => {
    if (!settles(name)) return proceed()
    await held.promise
    const rows = await proceed()
    order.push('plain settled')
    return rows
  })
  await node.enqueueMany(step, ['plain', 'writes'])
  await wrote.promise
  // Time enough for a group to be settled, if it did not wait.
  for (let turn = 0; turn < 50; turn++) await node.query('select 1')
  assert.deepEqual(order, [])
  held.give()
  await node.drain()
  stop()
  assert.deepEqual(order.slice(0, 2), ['plain settled', 'write'])
})
