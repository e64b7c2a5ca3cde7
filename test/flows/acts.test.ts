import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import type { ItemLogEntry } from '../../src/define/item.ts'
import { engineOf } from '../../src/node.ts'
import type { TestNode } from '../../src/testing/testing.ts'
import { signal } from './order-watch.ts'
import { freshPlace, setup } from './setup.ts'

const by = { operator: 'ada', reason: 'asked by the customer' }

/** One slot and one key: what is behind the running one is held, what is of another key is ready. */
async function stage(t: TestContext, tracking: 'all' | 'failures' = 'all') {
  const ran: string[] = []
  const started = signal()
  const go = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.string(), what: z.string() }),
    key: ({ key }) => key,
    concurrency: 1,
    tracking,
    retry: { maxAttempts: 2, initialDelay: '1 hour', jitter: 0 },
    process: async ({ what }, { signal: told }) => {
      if (what === 'blocks') {
        started.give()
        await go.promise
      }
      if (what === 'obeys') {
        started.give()
        await new Promise((_, reject) => told.addEventListener('abort', () => reject(told.reason as Error)))
      }
      if (what === 'fails') throw new Error('not now')
      if (what === 'rejected') throw new Reject('no')
      ran.push(what)
    },
  })
  const node = await setup(t, [step])
  t.after(() => go.give())
  return { node, step, ran, started, go }
}

/** What an operator sees of an item. */
async function seen(node: TestNode, id: string): Promise<unknown[]> {
  const item = await node.item(id)
  return [item?.state, item?.reason, item?.attempts]
}

function partOf(line: ItemLogEntry | undefined, name: 'before' | 'clone'): unknown {
  return (line?.data as Record<string, unknown> | undefined)?.[name]
}

async function lines(node: TestNode, id: string): Promise<string[]> {
  return (await node.itemLog(id)).map(({ event, message }) => `${event} | ${message}`)
}

for (const tracking of ['all', 'failures'] as const)
  test(`cancel ends what has not ended, in whatever state (tracking ${tracking})`, async (t) => {
    const { node, step, ran, started, go } = await stage(t, tracking)
    const blocks = await node.enqueue(step, { key: 'a', what: 'blocks' })
    await started.promise
    const held = await node.enqueue(step, { key: 'a', what: 'held' })
    const after = await node.enqueue(step, { key: 'a', what: 'after' })
    const ready = await node.enqueue(step, { key: 'b', what: 'ready' })
    const delayed = await node.enqueue(step, { key: 'c', what: 'delayed' }, { delay: '1 day' })
    const parked = await node.enqueue(step, { key: 'd', what: 'parked' }, { delay: '1 day' })
    assert.equal((await node.defer(parked, by)).verdict, 'applied')
    for (const id of [held, ready, delayed, parked]) {
      const act = await node.cancel(id, by)
      assert.deepEqual([act.kind, act.item, act.verdict], ['cancel', id, 'applied'])
      assert.deepEqual(await seen(node, id), ['cancelled', 'operator', 0])
      assert.equal((await lines(node, id)).at(-1), 'cancelled | cancelled by ada: asked by the customer')
      await assert.rejects(node.cancel(id), {
        code: 'ACT_REFUSED',
        message: /is cancelled; it has ended; clone/,
      })
    }
    go.give()
    await node.drain()
    await node.advance('2 days')
    await node.drain()
    assert.deepEqual(ran, ['blocks', 'after'])
    if (tracking === 'all')
      for (const id of [blocks, after]) assert.deepEqual(await seen(node, id), ['succeeded', undefined, 1])
  })

test('a running handler is told to stop: throwing it is cancelled, returning it has succeeded', async (t) => {
  const { node, step, ran, started } = await stage(t)
  const obeys = await node.enqueue(step, { key: 'a', what: 'obeys' })
  const next = await node.enqueue(step, { key: 'a', what: 'next' })
  await started.promise
  const act = await node.cancel(obeys, by)
  assert.deepEqual([act.verdict, act.state], ['applied', 'running'])
  assert.deepEqual(await seen(node, obeys), ['cancelled', 'operator', 1])
  await node.drain()
  assert.deepEqual(ran, ['next'])
  assert.deepEqual(await seen(node, next), ['succeeded', undefined, 1])
})

test('a handler that returns though it was told to stop has succeeded, and the act is refused', async (t) => {
  const { node, step, started, go } = await stage(t)
  const blocks = await node.enqueue(step, { key: 'a', what: 'blocks' })
  await started.promise
  const asked = node.cancel(blocks)
  const act = await asked
  assert.equal(act.verdict, 'pending')
  go.give()
  await node.drain()
  assert.deepEqual(await seen(node, blocks), ['succeeded', undefined, 1])
  const decided = await decidedAct(node, act.id)
  assert.deepEqual([decided.verdict, decided.state], ['refused', 'succeeded'])
})

async function decidedAct(node: TestNode, id: string) {
  for (;;) {
    const act = await node.act(id)
    assert.ok(act)
    if (act.verdict !== 'pending') return act
    await new Promise(setImmediate)
  }
}

test('a deferred item of a strict key holds those behind it, in its place, until it is resumed', async (t) => {
  const { node, step, ran, started, go } = await stage(t)
  await node.enqueue(step, { key: 'a', what: 'blocks' })
  await started.promise
  const [one, two, three] = await node.enqueueMany(
    step,
    ['one', 'two', 'three'].map((what) => ({ key: 'a', what })),
  )
  const ready = await node.enqueue(step, { key: 'b', what: 'ready' })
  for (const id of [two!, ready]) assert.equal((await node.defer(id, by)).verdict, 'applied')
  go.give()
  await node.drain()
  assert.deepEqual(ran, ['blocks', 'one'])
  for (const id of [two!, ready]) assert.deepEqual(await seen(node, id), ['deferred', undefined, 0])
  // What comes while it is parked is held behind it as well.
  const four = await node.enqueue(step, { key: 'a', what: 'four' })
  await node.drain()
  assert.deepEqual(ran, ['blocks', 'one'])
  await node.resume(ready, by)
  await node.drain()
  assert.deepEqual(ran.splice(2), ['ready'])
  const act = await node.resume(two!, by)
  assert.deepEqual([act.verdict, act.state], ['applied', 'deferred'])
  await node.drain()
  assert.deepEqual(ran, ['blocks', 'one', 'two', 'three', 'four'])
  for (const id of [one!, two!, three!, four])
    assert.deepEqual(await seen(node, id), ['succeeded', undefined, 1])
  assert.deepEqual(await lines(node, two!), [
    'deferred | deferred by ada: asked by the customer',
    'resumed | resumed by ada: asked by the customer',
  ])
})

test('a deferred item goes on by itself when its time has come: keyed, without a key, delayed', async (t) => {
  const { node, step, ran, started, go } = await stage(t)
  const plain = defineQueueProcessor({
    name: 'plain',
    input: z.string(),
    process: (what) => void ran.push(what),
  })
  const other = await setup(t, [step, plain], { place: node.place, start: false })
  await node.enqueue(step, { key: 'a', what: 'blocks' })
  await started.promise
  const keyed = await node.enqueue(step, { key: 'a', what: 'keyed' })
  const behind = await node.enqueue(step, { key: 'a', what: 'behind' })
  const delayed = await node.enqueue(step, { key: 'b', what: 'delayed' }, { delay: '1 minute' })
  const until = new Date((await node.now()).getTime() + 600_000)
  for (const id of [keyed, delayed]) assert.equal((await other.defer(id, { until })).verdict, 'applied')
  assert.deepEqual((await node.item(keyed))?.dueAt, until)
  go.give()
  await node.advance('5 minutes')
  await node.drain()
  assert.deepEqual(ran, ['blocks'])
  assert.deepEqual(await seen(node, behind), ['ready', undefined, 0])
  await node.advance('6 minutes')
  await node.drain()
  assert.deepEqual(
    ran.filter((what) => what !== 'delayed'),
    ['blocks', 'keyed', 'behind'],
  )
  assert.ok(ran.includes('delayed'))
})

test('a broken item is requeued with its id, edited or not, and comes last in its key', async (t) => {
  const { node, step, ran, started, go } = await stage(t)
  const broken = await node.enqueue(step, { key: 'a', what: 'rejected' })
  const again = await node.enqueue(step, { key: 'b', what: 'rejected' })
  await node.drain()
  await node.enqueue(step, { key: 'a', what: 'blocks' })
  await started.promise
  await node.enqueue(step, { key: 'a', what: 'before' })
  await assert.rejects(node.requeue(broken, { input: { key: 'z', what: 'edited' } }), {
    code: 'KEY_CHANGED',
    message: /key "z"; it has "a"/,
  })
  await assert.rejects(node.requeue(broken, { input: { key: 'a' } }), { code: 'PAYLOAD_INVALID' })
  assert.equal((await node.requeue(again, by)).verdict, 'applied')
  const act = await node.requeue(broken, { ...by, input: { key: 'a', what: 'edited' } })
  assert.deepEqual([act.verdict, act.state], ['applied', 'broken'])
  const item = await node.item(broken)
  assert.deepEqual([item?.state, item?.attempts, item?.endedAt], ['ready', 0, undefined])
  go.give()
  await node.drain()
  assert.deepEqual(ran, ['blocks', 'before', 'edited'])
  assert.deepEqual(await seen(node, broken), ['succeeded', undefined, 1])
  assert.deepEqual((await node.item(broken))?.input, { key: 'a', what: 'edited' })
  assert.deepEqual(await seen(node, again), ['broken', undefined, 1])
  const requeued = (await node.itemLog(broken)).find(({ event }) => event === 'requeued')
  assert.deepEqual(partOf(requeued, 'before'), { key: 'a', what: 'rejected' })
  // The same one once more: what came of the first time does not stand in the way.
  assert.equal((await node.requeue(again, { input: { key: 'b', what: 'well' } })).verdict, 'applied')
  await node.drain()
  assert.deepEqual(await seen(node, again), ['succeeded', undefined, 1])
})

test('edit changes what waits or is broken, in its place, and keeps what it was', async (t) => {
  const { node, step, ran, started, go } = await stage(t)
  const fails = await node.enqueue(step, { key: 'f', what: 'fails' })
  const rejected = await node.enqueue(step, { key: 'r', what: 'rejected' })
  await node.drain()
  await node.enqueue(step, { key: 'a', what: 'blocks' })
  await started.promise
  const [one, two, three] = await node.enqueueMany(
    step,
    ['one', 'two', 'three'].map((what) => ({ key: 'a', what })),
  )
  const parked = await node.enqueue(step, { key: 'd', what: 'parked' })
  await assert.rejects(node.edit(parked, { input: { key: 'd', what: 'no' } }), {
    code: 'ACT_REFUSED',
    message: /is ready; defer it first/,
  })
  await node.defer(parked)
  for (const [id, key] of [
    [fails, 'f'],
    [rejected, 'r'],
    [two!, 'a'],
    [parked, 'd'],
  ] as const) {
    const before = (await node.item(id))?.input
    const input = { key, what: `${key} edited` }
    assert.equal((await node.edit(id, { ...by, input })).verdict, 'applied')
    assert.deepEqual((await node.item(id))?.input, input)
    const line = (await node.itemLog(id)).find(({ event }) => event === 'edited')
    assert.deepEqual(partOf(line, 'before'), before)
  }
  go.give()
  await node.drain()
  assert.deepEqual(ran, ['blocks', 'one', 'a edited', 'three'])
  await node.resume(parked)
  await node.requeue(rejected)
  await node.advance('1 hour')
  await node.drain()
  assert.deepEqual(ran.slice(4).toSorted(), ['d edited', 'f edited', 'r edited'])
  for (const id of [fails, rejected, one!, two!, three!, parked])
    assert.equal((await node.item(id))?.state, 'succeeded')
})

for (const tracking of ['all', 'failures'] as const)
  test(`a broken item is given up: cancelled, and out of the lane (tracking ${tracking})`, async (t) => {
    const { node, step } = await stage(t, tracking)
    const broken = await node.enqueue(step, { key: 'a', what: 'rejected' })
    await node.drain()
    await assert.rejects(node.cancel(broken), { code: 'ACT_REFUSED', message: /is broken; requeue/ })
    assert.equal((await node.remove(broken, by)).verdict, 'applied')
    assert.deepEqual(await seen(node, broken), ['cancelled', 'operator', 1])
    await assert.rejects(node.remove(broken), { code: 'ACT_REFUSED' })
    await assert.rejects(node.result(broken), { code: 'ITEM_CANCELLED' })
  })

test('a clone is a new item that names the old one, whatever became of that', async (t) => {
  const { node, step, ran } = await stage(t)
  const done = await node.enqueue(step, { key: 'a', what: 'done' }, { context: { operator: 'bob' } })
  const broken = await node.enqueue(step, { key: 'b', what: 'rejected' })
  await node.drain()
  const same = await node.clone(done, by)
  const other = await node.clone(broken, { input: { key: 'c', what: 'other' } })
  await assert.rejects(node.clone(done, { input: { key: 1 } as never }), { code: 'PAYLOAD_INVALID' })
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['done', 'done', 'other'])
  const item = await node.item(same)
  assert.deepEqual(item?.context, { operator: 'bob', causationId: done })
  assert.equal((await node.item(other))?.context.causationId, broken)
  const line = (await node.itemLog(done)).find(({ event }) => event === 'cloned')
  assert.equal(partOf(line, 'clone'), same)
  assert.deepEqual(await seen(node, broken), ['broken', undefined, 1])
})

test('a clone of a stored input that has become old is upgraded, as it is when it runs', async (t) => {
  const place = await freshPlace()
  const old = defineQueueProcessor({
    name: 'step',
    input: z.object({ first: z.string() }),
    process: () => {
      throw new Reject('no')
    },
  })
  const before = await setup(t, [old], { place, log: { info() {}, warn() {}, error() {} } })
  const [id, unfit] = await before.enqueueMany(old, [{ first: 'ada' }, { first: '' }])
  await before.drain()
  await before.stop()
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ name: z.string() }),
    upgrade: (stored) => {
      const { first, name } = stored as { first?: string; name?: string }
      if (first === '') throw new Error('nobody')
      return { name: name ?? first }
    },
    process: ({ name }) => void ran.push(name),
  })
  const node = await setup(t, [step], { place })
  const clone = await node.clone(id!)
  await node.drain()
  assert.deepEqual(ran, ['ada'])
  assert.deepEqual((await node.item(clone))?.input, { name: 'ada' })
  await assert.rejects(node.clone(unfit!), { code: 'PAYLOAD_NO_LONGER_FITS', message: /nobody/ })
})

test('what cannot be is refused by name: the item, its state, and what could be done', async (t) => {
  const { node, step, started, go } = await stage(t)
  const done = await node.enqueue(step, { key: 'a', what: 'done' })
  const broken = await node.enqueue(step, { key: 'b', what: 'rejected' })
  await node.drain()
  const running = await node.enqueue(step, { key: 'a', what: 'blocks' })
  await started.promise
  const input = { key: 'a', what: 'x' }
  const refused = (asked: Promise<unknown>, message: RegExp) =>
    assert.rejects(asked, { code: 'ACT_REFUSED', status: 409, message })
  await refused(node.cancel(done), new RegExp(`^cancel: item ${done} is succeeded; it has ended; clone it`))
  await refused(node.defer(done), /is succeeded/)
  await refused(node.resume(done), /is succeeded/)
  await refused(node.requeue(done), /is succeeded/)
  await refused(node.edit(done, { input }), /is succeeded/)
  await refused(node.remove(done), /is succeeded/)
  await refused(node.defer(running), /is running; cancel it/)
  await refused(node.resume(running), /is running/)
  await refused(node.requeue(running), /is running/)
  await refused(node.edit(running, { input }), /is running/)
  await refused(node.remove(running), /is running/)
  await refused(node.defer(broken), /is broken; requeue/)
  const nowhere = `${done.slice(0, -3)}fff`
  await assert.rejects(node.cancel(nowhere), { code: 'ITEM_NOT_FOUND', message: new RegExp(nowhere) })
  await assert.rejects(node.cancel('x'), { code: 'ITEM_ID_INVALID' })
  await assert.rejects(node.cancel(done, { reasn: 'x' } as never), {
    code: 'OPTION_INVALID',
    message: /did you mean "reason"/,
  })
  await assert.rejects(node.cancel(done, { reason: '' }), { code: 'OPTION_INVALID' })
  await assert.rejects(node.defer(done, { until: new Date('x') }), { code: 'OPTION_INVALID' })
  go.give()
})

test('a head of a strict key that is cancelled while it waits frees those held behind it', async (t) => {
  const { node, step, ran } = await stage(t)
  const fails = await node.enqueue(step, { key: 'a', what: 'fails' })
  const [one, two] = await node.enqueueMany(
    step,
    ['one', 'two'].map((what) => ({ key: 'a', what })),
  )
  await node.drain()
  assert.deepEqual([ran, await seen(node, fails)], [[], ['scheduled', undefined, 1]])
  assert.equal((await node.cancel(fails)).verdict, 'applied')
  await node.drain()
  assert.deepEqual(ran, ['one', 'two'])
  // The same where all of it lies in the lane, after another node has taken over.
  const parked = await node.enqueue(step, { key: 'b', what: 'fails' })
  const held = await node.enqueue(step, { key: 'b', what: 'three' })
  await node.drain()
  assert.equal((await node.defer(parked)).verdict, 'applied')
  assert.equal((await node.edit(held, { input: { key: 'b', what: 'edited' } })).verdict, 'applied')
  await node.stop()
  const next = await setup(t, [step], { place: node.place })
  await next.drain()
  assert.equal((await next.item(held))?.state, 'held')
  assert.equal((await next.cancel(parked)).verdict, 'applied')
  await next.drain()
  assert.deepEqual(ran, ['one', 'two', 'edited'])
  for (const id of [one!, two!, held]) assert.equal((await next.item(id))?.state, 'succeeded')
})

test('decided acts go after seven days, open ones stay', async (t) => {
  const { node, step } = await stage(t)
  const delayed = await node.enqueue(step, { key: 'a', what: 'late' }, { delay: '30 days' })
  const { id } = await node.defer(delayed)
  await node.advance('6 days')
  assert.equal((await node.act(id))?.verdict, 'applied')
  const { driver, schema } = engineOf(node).database
  await driver.query(
    `insert into ${schema}.act (id, queue, partition, item, kind, asked_at)
     values ('11111111-1111-4111-8111-111111111111', 999, 0, $1, 'cancel', ${schema}.clock() - interval '30 days')`,
    [delayed],
  )
  await node.advance('2 days')
  while (await node.act(id)) await node.query('select pg_sleep(0.02)')
  assert.equal((await node.act('11111111-1111-4111-8111-111111111111'))?.verdict, 'pending')
})
