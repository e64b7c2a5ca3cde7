import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { intercept } from '../engine/faults.ts'
import { signal } from './order-watch.ts'
import { freshPlace, setup } from './setup.ts'

test(
  'ten thousand items are counted, and cancelled page by page while others run',
  { timeout: 120_000 },
  async (t) => {
    const ran: number[] = []
    const go = signal()
    const started = signal()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.object({ n: z.number() }),
      concurrency: 1,
      process: async ({ n }) => {
        started.give()
        await go.promise
        ran.push(n)
      },
    })
    const node = await setup(t, [step])
    t.after(() => go.give())
    await node.enqueue(step, { n: -1 })
    await started.promise
    const all = Array.from({ length: 10_000 }, (_, n) => ({ n }))
    const ids = await node.enqueueMany(step, all)
    const kept = await node.enqueue(step, { n: 10_000 }, { delay: '30 days' })
    const selection = node.select({ processor: 'step', state: 'ready' })
    const { driver, schema } = engineOf(node).database
    // The indexer enters what is a second old, and says of the one that runs that it does; only lists need it.
    await node.advance('2 seconds')
    while ((await selection.count()) !== all.length) await driver.query('select pg_sleep(0.1)')
    const report = await selection.cancel({ reason: 'not wanted', limit: 9_990 })
    assert.deepEqual(
      [report.items, report.hasMore, report.refused, report.applied + report.pending],
      [9_990, true, 0, 9_990],
    )
    const left = [...ids.entries()]
      .toSorted(([, a], [, b]) => (a < b ? -1 : 1))
      .slice(-10)
      .map(([n]) => n)
    go.give()
    await node.drain({ timeout: '60s' })
    const cancelled = await node.select({ state: 'cancelled' }).count()
    assert.equal(cancelled, 9_990)
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      [-1, ...left].toSorted((a, b) => a - b),
    )
    assert.equal((await node.item(kept))?.state, 'scheduled')
    assert.equal((await node.item(ids[0]!))?.reason, 'operator')
    const { rows } = await driver.query(
      `select count(*)::int as n from ${schema}.act where verdict = 'applied'`,
    )
    assert.equal(rows[0]!['n'], 9_990)
  },
)

test('a selection is by processor, queue, state, key, error, time and ids', async (t) => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.string(), what: z.string() }),
    key: ({ key }) => key,
    process: ({ what }) => {
      if (what !== 'well') throw new Reject(what)
    },
  })
  const other = defineQueueProcessor({ name: 'other', input: z.string(), dedicated: {}, process: () => {} })
  const node = await setup(t, [step, other])
  const well = await node.enqueue(step, { key: 'a', what: 'well' })
  const broken = await node.enqueue(step, { key: 'a', what: 'rejected' })
  await node.enqueue(other, 'x')
  await node.drain()
  const between = await node.now()
  await node.advance('1 minute')
  const late = await node.enqueue(step, { key: 'b', what: 'rejected' }, { delay: '1 hour' })
  const count = (selector: Parameters<typeof node.select>[0]) => node.select(selector).count()
  assert.equal(await count({}), 4)
  assert.equal(await count({ processor: 'step' }), 3)
  assert.equal(await count({ queue: 'other' }), 1)
  assert.equal(await count({ state: ['broken', 'succeeded'] }), 3)
  assert.equal(await count({ key: 'a' }), 2)
  assert.equal(await count({ errorCode: 'REJECTED' }), 1)
  assert.equal(await count({ enqueuedAfter: between }), 1)
  assert.equal(await count({ enqueuedBefore: between }), 3)
  assert.equal(await count({ ids: [well, late] }), 2)
  assert.equal(await count({ ids: [] }), 0)
  assert.throws(() => node.select({ stat: 'broken' } as never), {
    code: 'OPTION_INVALID',
    message: /did you mean "state"/,
  })
  assert.throws(() => node.select({ state: 'brokn' as never }), { code: 'OPTION_INVALID' })
  assert.throws(() => node.select({ queue: 'none' }), { code: 'UNKNOWN_QUEUE' })
  const report = await node.select({ key: 'a' }).remove()
  assert.deepEqual(
    [report.items, report.applied, report.refusals],
    [2, 1, [{ id: well, state: 'succeeded' }]],
  )
  const clones = await node.select({ ids: [broken, well] }).clone()
  assert.deepEqual([clones.items, clones.applied], [2, 2])
  const parked = await node.select({ state: 'scheduled' }).defer({ until: new Date('2090-01-01') })
  assert.equal(parked.applied, 1)
  assert.equal((await node.item(late))?.state, 'deferred')
  assert.equal((await node.select({ state: 'deferred' }).resume()).applied, 1)
  await node.drain()
})

test(
  'a redrive ramps up while items succeed, and stops when most of a wave break again',
  { timeout: 60_000 },
  async (t) => {
    let isBack = false
    const step = defineQueueProcessor({
      name: 'step',
      input: z.number(),
      tracking: 'failures',
      process: (n) => {
        if (!isBack || n >= 70) throw new Reject('no')
      },
    })
    const node = await setup(t, [step], { log: { info() {}, warn() {}, error() {} } })
    await node.enqueueMany(
      step,
      Array.from({ length: 200 }, (_, n) => n),
    )
    await node.drain()
    const broken = node.select({ processor: 'step', state: 'broken' })
    assert.equal(await broken.count(), 200)
    const failing = await broken.redrive({ operator: 'ada' })
    assert.deepEqual([failing.waves, failing.brokenAgain, failing.stopped], [[10], 10, 'failing'])
    isBack = true
    const report = await broken.redrive({ reason: 'it is back', limit: 140 })
    assert.deepEqual([report.waves, report.stopped, report.requeued], [[10, 20, 40, 70], 'failing', 140])
    assert.deepEqual([report.succeeded, report.brokenAgain], [70, 70])
    assert.equal(await broken.count(), 130)
  },
)

test('an act in bulk meets what was there when it was called, and clones no clones', async (t) => {
  const step = defineQueueProcessor({ name: 'step', input: z.number(), process: () => {} })
  const node = await setup(t, [step])
  const all = Array.from({ length: 30 }, (_, n) => n)
  await node.enqueueMany(step, all)
  await node.drain()
  const ended = node.select({ processor: 'step', state: 'succeeded' })
  const report = await ended.clone({ limit: 2_000 })
  assert.deepEqual([report.items, report.applied, report.hasMore], [30, 30, false])
  await node.drain()
  assert.equal(await ended.count(), 60)
  // Whatever its page finds, and whoever accepted it: it is later than the call.
  const first = await node.enqueueMany(step, all, { delay: '1 day' })
  const late: string[] = []
  const stop = intercept(node, async (name, proceed) => {
    const rows = await proceed()
    if (name === 'ask-acts' && late.length < 3) {
      await node.advance('1 minute')
      late.push(await node.enqueue(step, 100, { delay: '1 day' }))
    }
    return rows
  })
  const cancelled = await node.select({ processor: 'step', state: 'scheduled' }).cancel()
  stop()
  assert.deepEqual([cancelled.items, cancelled.applied, late.length], [first.length, first.length, 1])
  assert.equal((await node.item(late[0]!))?.state, 'scheduled')
})

test('an act in bulk ends when its signal says so, with a report of what was asked', async (t) => {
  const step = defineQueueProcessor({ name: 'step', input: z.number(), process: () => {} })
  const node = await setup(t, [step])
  await node.enqueueMany(
    step,
    Array.from({ length: 600 }, (_, n) => n),
    { delay: '1 day' },
  )
  const scheduled = node.select({ state: 'scheduled' })
  const enough = new AbortController()
  const stop = intercept(node, async (name, proceed) => {
    const rows = await proceed()
    if (name === 'ask-acts') enough.abort()
    return rows
  })
  const report = await scheduled.defer({ signal: enough.signal })
  stop()
  assert.deepEqual(
    [report.items, report.applied + report.pending, report.refused, report.hasMore],
    [500, 500, 0, true],
  )
  const clones = await scheduled.clone({ signal: enough.signal })
  assert.deepEqual([clones.items, clones.hasMore], [0, true])
})

test('a redrive whose requeues nobody decides stops, and says how many', { timeout: 60_000 }, async (t) => {
  const place = await freshPlace()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    process: () => {
      throw new Reject('no')
    },
  })
  const first = await setup(t, [step], { place, log: { info() {}, warn() {}, error() {} } })
  await first.enqueueMany(
    step,
    Array.from({ length: 40 }, (_, n) => n),
  )
  await first.drain()
  await first.stop()
  const client = await setup(t, [step], { place, start: false })
  const { driver, schema } = engineOf(client).database
  const frozen = '11111111-1111-4111-8111-111111111111'
  await driver.query(
    `insert into ${schema}.node (boot_id, name, types, version, queues, started_at, lease_until)
     values ($1, 'frozen', '{}', '0', '{}', now(), ${schema}.clock() + interval '1 hour')`,
    [frozen],
  )
  await driver.query(`update ${schema}.partition set owner = $1`, [frozen])
  const broken = client.select({ state: 'broken' })
  const nothing = { requeued: 0, succeeded: 0, brokenAgain: 0 }
  const slow = await broken.redrive({ waveTimeout: '300 ms' })
  assert.deepEqual(slow, { waves: [0], ...nothing, pending: 10, stopped: 'slow' })
  const enough = new AbortController()
  const stop = intercept(client, async (name, proceed) => {
    const rows = await proceed()
    if (name === 'acts-by-id') enough.abort()
    return rows
  })
  const aborted = await broken.redrive({ signal: enough.signal, waveTimeout: '50 s' })
  stop()
  assert.deepEqual(aborted, { waves: [0], ...nothing, pending: 10, stopped: 'aborted' })
})
