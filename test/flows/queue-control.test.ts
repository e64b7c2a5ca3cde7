import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { OrderWatch, signal } from './order-watch.ts'
import { order } from './queue-order.ts'
import { setup } from './setup.ts'

const input = z.object({ key: z.string(), n: z.number() })

test('of a paused queue nothing starts, what runs goes on, and acts work; started, each key goes on in order', async (t) => {
  const watch = new OrderWatch()
  const go = signal()
  const begun = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key: ({ key }) => key,
    dedicated: {},
    process: ({ key, n }) => {
      if (key !== 'first') return watch.run(key, n)
      begun.give()
      return watch.run(key, n, () => go.promise)
    },
  })
  const other = defineQueueProcessor({ name: 'other', input, process: () => 'done' })
  const node = await setup(t, [step, other])
  const first = await node.enqueue(step, { key: 'first', n: 0 })
  await begun.promise
  await order(node, 'paused', () => node.queues.pause('step'))
  const wanted = new Map([['first', [0, 1]]])
  await node.enqueue(step, { key: 'first', n: 1 })
  const many = Array.from({ length: 3_000 }, (_, at) => ({ key: `k${at % 300}`, n: Math.floor(at / 300) }))
  const ids = await node.enqueueMany(step, many)
  for (let key = 0; key < 300; key++) wanted.set(`k${key}`, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  const delayed = await node.enqueue(step, { key: 'late', n: 0 }, { delay: '1 minute' })
  go.give()
  assert.equal(await node.result(first, { wait: '20s' }), undefined)
  // Other queues go on.
  assert.equal(await node.result(await node.enqueue(other, { key: 'a', n: 0 }), { wait: '20s' }), 'done')
  assert.equal(watch.byKey.size, 1)
  // In memory or not: what waits can be cancelled.
  for (const at of [0, 2_999]) assert.equal((await node.cancel(ids[at]!)).verdict, 'applied')
  wanted.set('k0', [1, 2, 3, 4, 5, 6, 7, 8, 9])
  wanted.set('k299', [0, 1, 2, 3, 4, 5, 6, 7, 8])
  // What is delayed takes its place in the order when it is due: before what comes later.
  await node.advance('2 minutes')
  await waitUntil('it is in the log', 20_000, async () => (await node.item(delayed))?.state === 'ready')
  await node.enqueue(step, { key: 'late', n: 1 })
  wanted.set('late', [0, 1])
  assert.equal(watch.byKey.size, 1)
  assert.equal((await node.queues.list()).find(({ queue }) => queue === 'step')?.state, 'paused')
  await node.queues.start('step')
  await node.drain()
  watch.assertRan(wanted)
})

test('what runs of a stopped queue is told to end, and is the first of its key when it is started, with all its attempts', async (t) => {
  const ran: string[] = []
  const begun = signal()
  const codes: unknown[] = []
  let mayEnd = false
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key: ({ key }) => key,
    dedicated: {},
    retry: { maxAttempts: 1 },
    process: async ({ key, n }, { signal: aborted, attempt, progress }) => {
      if (!mayEnd && key === 'a') {
        begun.give()
        await new Promise((_, reject) => {
          aborted.addEventListener('abort', () => {
            progress('told to end')
            reject(aborted.reason as Error)
          })
        }).catch((error: unknown) => {
          codes.push(isCoatcheckError(error) && error.code)
          throw error
        })
      }
      ran.push(`${key}${n}/${attempt}`)
    },
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, { key: 'a', n: 0 })
  await begun.promise
  // A second later the tracked items say that it runs.
  const stateOf = async () =>
    (await node.query(`select state, attempts from ${node.place.schema}.tracked_item where id = $1`, [id]))
      .rows
  await waitUntil('it is published', 20_000, async () => (await stateOf())[0]?.['state'] === 'running')
  await order(node, 'stopped', () => node.queues.stop('step'))
  await node.enqueue(step, { key: 'a', n: 1 })
  await waitUntil('it is ready again', 20_000, async () => (await stateOf())[0]?.['state'] === 'ready')
  assert.deepEqual(await stateOf(), [{ state: 'ready', attempts: 0 }])
  const item = await node.item(id)
  assert.deepEqual([item?.state, item?.attempts], ['ready', 0])
  assert.deepEqual(codes, ['QUEUE_STOPPED'])
  mayEnd = true
  await node.queues.resume('step')
  await node.drain()
  assert.deepEqual(ran, ['a0/1', 'a1/1'])
  assert.deepEqual(
    (await node.itemLog(id)).map(({ event }) => event),
    ['stopped'],
  )
})

test('one that runs while its queue is stopped can be cancelled, and one that returns all the same has succeeded', async (t) => {
  const begun = signal()
  const go = signal()
  let running = 0
  const step = defineQueueProcessor({
    name: 'step',
    input,
    dedicated: {},
    process: async ({ n }, { signal: aborted }) => {
      if (++running === 2) begun.give()
      await go.promise
      if (n === 0) aborted.throwIfAborted()
      return 'returned'
    },
  })
  const node = await setup(t, [step])
  const [told, deaf] = await node.enqueueMany(step, [
    { key: 'a', n: 0 },
    { key: 'b', n: 1 },
  ])
  await begun.promise
  await order(node, 'stopped', () => node.queues.stop('step'))
  const cancelling = node.cancel(told!)
  await waitUntil('the act is open', 20_000, async () => {
    const { rows } = await node.query(`select from ${node.place.schema}.act where verdict is null`)
    return rows.length === 1
  })
  go.give()
  await cancelling
  assert.equal(await node.result(deaf!, { wait: '20s' }), 'returned')
  await waitUntil('it is cancelled', 20_000, async () => (await node.item(told!))?.state === 'cancelled')
})

test('restarted, what runs is told to end and runs again at once', async (t) => {
  const attempts: number[] = []
  const begun = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input,
    dedicated: {},
    process: async (_, { attempt, signal: aborted }) => {
      attempts.push(attempt)
      if (attempts.length > 1) return
      begun.give()
      await new Promise((_resolve, reject) => {
        aborted.addEventListener('abort', () => reject(new Error('told to end')))
      })
    },
  })
  const node = await setup(t, [step])
  await node.enqueue(step, { key: 'a', n: 0 })
  await begun.promise
  // The node has seen by now how often it was restarted before: not at all.
  await node.queues.restart('step')
  await node.drain()
  assert.deepEqual(attempts, [1, 1])
})

test('broken items are requeued by the thousand while their queue is paused, and wait', async (t) => {
  let isFailing = true
  const watch = new OrderWatch()
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key: ({ key }) => key,
    onBroken: 'block',
    dedicated: { partitions: 2 },
    process: ({ key, n }) => {
      if (isFailing && n === 0) throw new Reject('not yet')
      return watch.run(key, n)
    },
  })
  const node = await setup(t, [step])
  const many = Array.from({ length: 1_200 }, (_, at) => ({ key: `k${at % 400}`, n: Math.floor(at / 400) }))
  await node.enqueueMany(step, many)
  await waitUntil(
    'all are blocked',
    20_000,
    async () => (await node.blockedKeys({ limit: 1_000 })).length === 400,
  )
  await order(node, 'paused', () => node.queues.pause('step'))
  isFailing = false
  const { applied } = await node.select({ queue: 'step', state: 'broken' }).requeue()
  assert.equal(applied, 400)
  assert.equal(watch.byKey.size, 0)
  await order(node, 'running', () => node.queues.start('step'))
  await node.drain()
  watch.assertRan(new Map(Array.from({ length: 400 }, (_, at) => [`k${at}`, [0, 1, 2]])))
})

test('a queue stays paused over a restart of its nodes', async (t) => {
  const ran: number[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key: ({ key }) => key,
    dedicated: {},
    process: ({ n }) => void ran.push(n),
  })
  const before = await setup(t, [step])
  await order(before, 'paused', () => before.queues.pause('step'))
  for (let n = 0; n < 5; n++) await before.enqueue(step, { key: 'a', n })
  await before.stop()
  const node = await setup(t, [step], { place: before.place })
  await node.enqueue(step, { key: 'a', n: 5 })
  await waitUntil('it owns its partitions', 20_000, async () => {
    const { schema } = node.place
    const { rows } = await node.query(
      `select from ${schema}.partition p join ${schema}.queue q on q.number = p.queue where q.name = 'step' and p.owner is null`,
    )
    return rows.length === 0
  })
  assert.deepEqual(ran, [])
  await node.queues.start('step')
  await node.drain()
  assert.deepEqual(ran, [0, 1, 2, 3, 4, 5])
})

test('how many run at once is changed while they run, up and down, for all definitions of the queue together', async (t) => {
  let running = 0
  let most = 0
  let ended = 0
  let isOver = false
  const kinds = ['one', 'two'].map((name) =>
    defineQueueProcessor({
      name,
      input,
      concurrency: 2,
      process: async () => {
        most = Math.max(most, ++running)
        if (!isOver) await delay(5)
        running--
        ended++
      },
    }),
  )
  const node = await setup(t, kinds)
  // In turn, so that both are in memory wherever the reader is.
  for (let at = 0; at < 200; at++)
    await node.enqueueMany(
      kinds[at % 2]!,
      Array.from({ length: 100 }, (_, n) => ({ key: 'a', n })),
    )
  /** How many run at once, at most, while some end. */
  const runAtOnce = (wanted: number) =>
    waitUntil(`${wanted} run at once`, 20_000, async () => {
      most = 0
      const before = ended
      await waitUntil('some have ended', 20_000, () => ended > before + 10 * wanted)
      return most === wanted
    })
  await runAtOnce(4)
  await node.queues.setConcurrency('standard', 9)
  await runAtOnce(9)
  await node.queues.setConcurrency('standard', 1)
  await runAtOnce(1)
  await node.queues.setConcurrency('standard', null)
  await runAtOnce(4)
  isOver = true
  await node.drain()
  assert.equal(ended, 20_000)
})

test('what cannot be set is refused', async (t) => {
  const node = await setup(t, [defineQueueProcessor({ name: 'step', input, process: () => {} })])
  for (const ask of [
    () => node.queues.pause('stap'),
    () => node.queues.stop('\0'),
    () => node.queues.restart(''),
    () => node.queues.setConcurrency('stap', 1),
  ])
    await assert.rejects(ask, (error) => isCoatcheckError(error, 'UNKNOWN_QUEUE'))
  for (const perNode of [0, 10_001, 1.5, Number.NaN, '2', undefined])
    await assert.rejects(
      node.queues.setConcurrency('standard', perNode as number),
      (error) => isCoatcheckError(error, 'OPTION_INVALID'),
      String(perNode),
    )
})
