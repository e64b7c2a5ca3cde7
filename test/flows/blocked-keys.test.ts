import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import type { TestNode } from '../../src/testing/testing.ts'
import { until } from '../store/until.ts'
import { setup, type Place } from './setup.ts'

const by = { operator: 'ada', reason: 'the account was closed' }

/** What runs says so; `rejected` and `fails` break as long as `away` says. */
function stage() {
  const ran: string[] = []
  const state = { away: true }
  const input = z.object({ key: z.string(), what: z.string() })
  const process = ({ what }: z.infer<typeof input>): void => {
    if (state.away && what.startsWith('rejected')) throw new Reject('no such account')
    if (state.away && what.startsWith('fails')) throw new Error('not now')
    ran.push(what)
  }
  const key = (value: z.infer<typeof input>): string => value.key
  const step = defineQueueProcessor({
    name: 'step',
    input,
    key,
    onBroken: 'block',
    orderGroup: 'accounts',
    retry: { maxAttempts: 2, initialDelay: '1 minute', jitter: 0 },
    process,
  })
  /** Another one of the same keys, which blocks nothing itself. */
  const mate = defineQueueProcessor({
    name: 'mate',
    input,
    key,
    order: 'relaxed',
    orderGroup: 'accounts',
    process,
  })
  return { ran, state, step, mate, definitions: [step, mate] }
}

const all = (key: string, ...whats: string[]) => whats.map((what) => ({ key, what }))

async function states(node: TestNode, ids: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(ids.map(async (id) => (await node.item(id as never))?.state))
}

/** What waits behind a blocked key goes to the lane, and is seen there a moment later. */
async function untilHeld(node: TestNode, ids: readonly string[]): Promise<void> {
  await until('they are held', async () => (await states(node, ids)).every((state) => state === 'held'))
}

/** How many rows the lane has. */
async function waiting(node: TestNode & { place: Place }): Promise<number> {
  const { rows } = await node.query(`select count(*)::int as n from ${node.place.schema}.waiting_item`)
  return rows[0]!['n'] as number
}

/** A blocked key with three held behind, another key that went on, and a definition of the same order. */
async function blocked(t: TestContext) {
  const { ran, state, step, mate, definitions } = stage()
  const node = await setup(t, definitions)
  const [broken, ...held] = await node.enqueueMany(step, all('a', 'rejected', 'two', 'three'))
  const others = await node.enqueueMany(step, all('b', 'other', 'others'))
  held.push(await node.enqueue(mate, { key: 'a', what: 'mate' }))
  await node.drain()
  assert.deepEqual(ran.splice(0), ['other', 'others'])
  await untilHeld(node, held)
  assert.equal((await node.item(broken!))?.state, 'broken')
  return { node, ran, state, step, mate, definitions, broken: broken!, held, others }
}

test('a broken item holds what comes later of its key, whenever that comes, and nothing else', async (t) => {
  const events: unknown[] = []
  const { step, mate, ran, definitions } = stage()
  const node = await setup(t, definitions)
  node.events.listen((name, data) => {
    if (name === 'key.blocked') events.push([name, data])
  })
  const before = new Date((await node.now()).getTime() - 1)
  // Its attempts are used up; the second one is rejected.
  const [fails, next] = await node.enqueueMany(step, all('a', 'fails', 'a next'))
  const [rejected] = await node.enqueueMany(step, all('b', 'rejected', 'b next'))
  await node.drain()
  assert.equal((await node.item(fails!))?.state, 'scheduled')
  await node.advance('1 minute')
  await node.drain()
  assert.equal((await node.item(fails!))?.state, 'broken')
  const late = await node.enqueue(step, { key: 'a', what: 'a late' })
  const delayed = await node.enqueue(step, { key: 'b', what: 'b delayed' }, { delay: '1 minute' })
  await node.enqueue(mate, { key: 'a', what: 'a mate' })
  await node.enqueueMany(step, all('c', 'c one', 'c two'))
  await node.drain()
  await node.advance('2 minutes')
  await node.enqueue(step, { key: 'c', what: 'c three' })
  await node.drain()
  assert.deepEqual(ran, ['c one', 'c two', 'c three'])
  await untilHeld(node, [next!, late, delayed])
  assert.deepEqual(
    await Promise.all([next!, late, fails!].map(async (id) => (await node.item(id))?.heldBy)),
    [fails, fails, undefined],
  )
  const keys = await node.blockedKeys()
  assert.deepEqual(
    keys.map(({ processor, queue, key, item, failure }) => [processor, queue, key, item, failure]),
    [
      ['step', 'standard', 'a', fails, { code: 'HANDLER_FAILED', message: 'not now' }],
      ['step', 'standard', 'b', rejected, { code: 'REJECTED', message: 'no such account' }],
    ],
  )
  for (const { since } of keys) assert.ok(since > before && since <= (await node.now()), String(since))
  assert.deepEqual(events, [
    ['key.blocked', { id: rejected, definition: 'step', key: 'b', code: 'REJECTED' }],
    ['key.blocked', { id: fails, definition: 'step', key: 'a', code: 'HANDLER_FAILED' }],
  ])
})

test('requeue of the item that blocks runs it in its place, with new attempts; broken again, it blocks again', async (t) => {
  const { node, ran, state, broken, held } = await blocked(t)
  const opened: unknown[] = []
  node.events.listen((name, data) => {
    if (name === 'key.opened') opened.push(data)
  })
  const act = await node.requeue(broken, by)
  assert.deepEqual([act.verdict, act.state], ['applied', 'broken'])
  await node.drain()
  assert.deepEqual(ran, [])
  await untilHeld(node, held)
  assert.equal((await node.item(broken as never))?.attempts, 1)
  state.away = false
  await node.requeue(broken, by)
  await node.drain()
  assert.deepEqual(ran, ['rejected', 'two', 'three', 'mate'])
  assert.deepEqual(await states(node, [broken, ...held]), Array(4).fill('succeeded'))
  assert.deepEqual(await node.blockedKeys(), [])
  assert.deepEqual(opened, Array(2).fill({ id: broken, definition: 'step', key: 'a', by: 'requeue' }))
  assert.equal(await waiting(node), 0)
})

test('an edited item that blocks is requeued as it is now', async (t) => {
  const { node, ran, broken } = await blocked(t)
  assert.equal((await node.edit(broken, { input: { key: 'a', what: 'edited' } })).verdict, 'applied')
  await node.drain()
  assert.deepEqual(ran, [])
  assert.equal((await node.blockedKeys()).length, 1)
  await node.requeue(broken)
  await node.drain()
  assert.deepEqual(ran, ['edited', 'two', 'three', 'mate'])
})

for (const kind of ['skip', 'remove'] as const)
  test(`${kind} gives the item up, and its key goes on`, async (t) => {
    const { node, ran, broken } = await blocked(t)
    assert.equal((await node[kind](broken, by)).verdict, 'applied')
    await node.drain()
    assert.deepEqual(ran, ['two', 'three', 'mate'])
    const item = await node.item(broken as never)
    assert.deepEqual([item?.state, item?.reason], ['cancelled', 'operator'])
    const line = (await node.itemLog(broken)).at(-1)
    const past = kind === 'skip' ? 'skipped' : 'removed'
    assert.equal(line?.message, `${past} by ada: the account was closed`)
    await assert.rejects(node.result(broken as never), { code: 'ITEM_CANCELLED' })
    assert.deepEqual(await node.blockedKeys(), [])
  })

test('release lets the key go on; the item stays broken, and requeued it comes last', async (t) => {
  const { node, ran, state, step, broken } = await blocked(t)
  assert.equal((await node.release(broken, by)).verdict, 'applied')
  await node.drain()
  assert.deepEqual(ran, ['two', 'three', 'mate'])
  assert.equal((await node.item(broken as never))?.state, 'broken')
  assert.deepEqual(await node.blockedKeys(), [])
  for (const kind of ['release', 'skip'] as const)
    await assert.rejects(node[kind](broken), {
      code: 'ACT_REFUSED',
      message: `${kind}: item ${broken} is broken; it blocks no key; requeue it to run it again, or remove it to give it up`,
    })
  state.away = false
  await node.enqueue(step, { key: 'a', what: 'before' })
  await node.requeue(broken)
  await node.drain()
  assert.deepEqual(ran.slice(3), ['before', 'rejected'])
})

test('when the next one of the key breaks, that one blocks it', async (t) => {
  const { ran, step, definitions } = stage()
  const node = await setup(t, definitions)
  const ids = await node.enqueueMany(
    step,
    all('a', 'rejected', 'rejected too', 'three', 'rejected last', 'five'),
  )
  await node.drain()
  for (const [at, inOrder] of [
    [0, []],
    [1, []],
    [3, ['three']],
  ] as const) {
    assert.deepEqual([(await node.blockedKeys()).map(({ item }) => item), ran], [[ids[at]], inOrder])
    await node.skip(ids[at]!)
    await node.drain()
  }
  assert.deepEqual(ran, ['three', 'five'])
})

test('skip and release are refused where nothing is blocked, by the state of the item', async (t) => {
  const { node, held, others } = await blocked(t)
  for (const kind of ['skip', 'release'] as const) {
    await assert.rejects(node[kind](others[0]!), {
      code: 'ACT_REFUSED',
      message: `${kind}: item ${others[0]} is succeeded; it has ended; clone it to run its input again as a new item`,
    })
    await assert.rejects(node[kind](held[0]!), {
      code: 'ACT_REFUSED',
      message: `${kind}: item ${held[0]} is held; it can be cancelled, deferred or edited`,
    })
  }
})

test('what is held behind a blocked key can be cancelled, edited and deferred', async (t) => {
  const { node, ran, broken, held } = await blocked(t)
  await node.cancel(held[0]!)
  await node.edit(held[1]!, { input: { key: 'a', what: 'edited' } })
  await node.defer(held[2]!)
  await node.skip(broken)
  await node.drain()
  assert.deepEqual(ran, ['edited'])
  await node.resume(held[2]!)
  await node.drain()
  assert.deepEqual(ran, ['edited', 'mate'])
})

test('many blocked keys are skipped, released and requeued by selection, and listed page by page', async (t) => {
  const { ran, state, step, definitions } = stage()
  const node = await setup(t, definitions)
  const keys = Array.from({ length: 30 }, (_, n) => `key-${n}`)
  for (const key of keys) await node.enqueueMany(step, all(key, `rejected ${key}`, `after ${key}`))
  await node.drain()
  const listed: string[] = []
  for (let after: string | undefined; ; after = listed.at(-1)) {
    const page = await node.blockedKeys({ processor: 'step', limit: 7, ...(after ? { after } : {}) })
    if (page.length === 0) break
    listed.push(...page.map(({ item }) => item))
  }
  assert.equal(new Set(listed).size, 30)
  assert.deepEqual(listed, listed.toSorted())
  const some = (from: number, to: number) => node.select({ state: 'broken', ids: listed.slice(from, to) })
  const skipped = await some(0, 10).skip(by)
  const released = await some(10, 20).release(by)
  state.away = false
  const requeued = await some(20, 30).requeue(by)
  for (const report of [skipped, released, requeued])
    assert.deepEqual([report.items, report.applied], [10, 10])
  await node.drain()
  assert.deepEqual(
    ran.toSorted().filter((what) => what.startsWith('after')),
    keys.map((key) => `after ${key}`).toSorted(),
  )
  assert.equal(ran.length, 40)
  assert.deepEqual(await node.blockedKeys(), [])
  // What blocks nothing any more is refused, one by one.
  const again = await node.select({ state: 'broken' }).skip()
  assert.deepEqual([again.items, again.refused, again.refusals[0]?.state], [10, 10, 'broken'])
})

test('options of the list that make no sense are refused by name', async (t) => {
  const { node } = await blocked(t)
  const refused = (options: unknown, message: RegExp, code = 'OPTION_INVALID') =>
    assert.rejects(node.blockedKeys(options as never), { code, message })
  await refused({ proccessor: 'step' }, /did you mean "processor"/)
  await refused({ limit: 0 }, /limit is 0; it must be a whole number from 1 to 1000/)
  await refused({ processor: 7 }, /processor is 7/)
  await refused({ after: 'x' }, /x/, 'ITEM_ID_INVALID')
  await refused({ processor: 'stp' }, /there is no queue processor "stp"/, 'UNKNOWN_PROCESSOR')
  assert.deepEqual(await node.blockedKeys({ processor: 'mate' }), [])
})

test('a key stays blocked over a restart, and the next owner opens it', async (t) => {
  const { node, ran, state, step, definitions, broken, held } = await blocked(t)
  await node.stop()
  const next = await setup(t, definitions, { place: node.place })
  await next.enqueue(step, { key: 'a', what: 'after' })
  await next.enqueue(step, { key: 'd', what: 'elsewhere' })
  await next.drain()
  assert.deepEqual(ran, ['elsewhere'])
  await untilHeld(next, held)
  state.away = false
  await next.requeue(broken)
  await next.drain()
  assert.deepEqual(ran, ['elsewhere', 'rejected', 'two', 'three', 'mate', 'after'])
})

test('a key is opened while nobody owns its partition, and by a node that never started', async (t) => {
  const { node, ran, state, definitions, broken } = await blocked(t)
  await node.stop()
  const client = await setup(t, definitions, { place: node.place, start: false })
  // What was charged to it until it was broken does not count against it any more.
  const { schema } = node.place
  await client.query(
    `insert into ${schema}.suspect_item (id, queue, partition, position, crashes, since)
     select b.id, b.queue, b.partition, b.position, 3, ${schema}.clock() from ${schema}.broken_item b`,
  )
  assert.equal((await client.requeue(broken)).verdict, 'applied')
  assert.deepEqual(await client.blockedKeys(), [])
  state.away = false
  const next = await setup(t, definitions, { place: node.place })
  await next.drain()
  assert.deepEqual(ran, ['rejected', 'two', 'three', 'mate'])
})

test('with tracking of failures only, what was requeued is found until the end', async (t) => {
  const state = { away: true }
  const quiet = defineQueueProcessor({
    name: 'quiet',
    input: z.object({ n: z.number() }),
    key: () => 'one',
    onBroken: 'block',
    tracking: 'failures',
    process: ({ n }) => {
      if (state.away && n === 0) throw new Reject('no')
    },
  })
  const node = await setup(t, [quiet])
  const [broken] = await node.enqueueMany(quiet, [{ n: 0 }, { n: 1 }])
  await node.drain()
  state.away = false
  await node.requeue(broken!)
  await node.drain()
  assert.equal((await node.item(broken!))?.state, 'succeeded')
})

test('a key with nobody behind it is blocked for those that come later, also after a restart', async (t) => {
  const { ran, step, definitions } = stage()
  const node = await setup(t, definitions)
  const [first] = await node.enqueueMany(step, all('a', 'rejected'))
  await node.drain()
  await node.stop()
  const next = await setup(t, definitions, { place: node.place })
  assert.equal(await waiting(next), 0)
  const late = await next.enqueue(step, { key: 'a', what: 'a late' })
  await untilHeld(next, [late])
  const [second] = await next.enqueueMany(step, all('b', 'rejected'))
  await next.drain()
  const later = await next.enqueue(step, { key: 'b', what: 'b late' })
  await untilHeld(next, [later])
  assert.deepEqual(ran, [])
  await next.skip(first!)
  await next.skip(second!)
  await next.drain()
  assert.deepEqual(new Set(ran), new Set(['a late', 'b late']))
  assert.equal(ran.length, 2)
})

test('what waits for its next attempt does not run either while the key is blocked', async (t) => {
  const { ran, state, step, mate, definitions } = stage()
  const node = await setup(t, definitions, { start: false })
  const fails = await node.enqueue(mate, { key: 'a', what: 'fails once' })
  const broken = await node.enqueue(step, { key: 'a', what: 'rejected' })
  await node.start()
  await until('it is broken', async () => (await node.item(broken))?.state === 'broken')
  state.away = false
  await node.advance('2 minutes')
  await node.enqueue(step, { key: 'b', what: 'other' })
  await node.drain()
  await node.query('select pg_sleep(0.3)')
  assert.deepEqual(ran, ['other'])
  assert.equal((await node.item(fails))?.state, 'scheduled')
  await node.skip(broken)
  await node.drain()
  assert.deepEqual(ran, ['other', 'fails once'])
})
