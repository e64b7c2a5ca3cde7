import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { CoatcheckError, isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor, defineService } from '../../src/define/define.ts'
import { answerProblem, problemOfError } from '../../src/http/problem.ts'
import { engineOf } from '../../src/node.ts'
import { countBacklog } from '../../src/store/backlog.ts'
import { intercept } from '../engine/faults.ts'
import { until } from '../store/until.ts'
import { setup } from './setup.ts'

function counting(maxWaiting: number) {
  const ran: number[] = []
  const count = defineQueueProcessor({
    name: 'count',
    input: z.number(),
    dedicated: { partitions: 2, maxWaiting },
    process: (n) => void ran.push(n),
  })
  return { count, ran }
}

/** Has the backlog counted until it is told so many. */
async function untilCounted(node: Awaited<ReturnType<typeof setup>>, expected: number): Promise<void> {
  const { driver, schema } = engineOf(node).database
  const { rows } = await node.query(`select number from ${schema}.queue where name = 'count'`)
  const queue = Number(rows[0]?.['number'])
  let waiting: number | undefined
  await until(`${expected} items wait`, async () => {
    const [row] = await countBacklog(driver, schema, [queue])
    waiting = row?.waiting
    return waiting === expected
  }).catch((error: unknown) => {
    throw new Error(`${waiting} were counted`, { cause: error })
  })
}

test('beyond the limit of a queue accepting is refused with a retry time; when it drains it works again', async (t) => {
  const { count, ran } = counting(50)
  const node = await setup(t, [count], { start: false })
  const { schema } = node.place
  const accepted = await node.enqueueMany(count, [1, 2, 3])
  const isFull = (error: unknown): boolean => {
    assert.ok(isCoatcheckError(error, 'QUEUE_FULL'), String(error))
    assert.match(error.message, /items wait on the queue "count"; the limit is 50/)
    assert.ok(error.retryAfterMs! >= 1_000 && error.retryAfterMs! <= 3_000)
    return true
  }
  // What is known is from a second ago, and so it may be overshot.
  let refusal: unknown
  await until('it is refused', async () => {
    try {
      accepted.push(await node.enqueue(count, accepted.length + 1))
      return false
    } catch (error) {
      refusal = error
      return true
    }
  })
  isFull(refusal)
  assert.ok(accepted.length >= 50)
  // By every way in.
  await assert.rejects(node.enqueueMany(count, [0, 0]), isFull)
  await assert.rejects(node.enqueue(count, 0, { delay: '1h' }), isFull)
  await assert.rejects(node.enqueue(count, 0, { uniqueKey: 'u' }), isFull)
  await assert.rejects(node.enqueue(count, 0, { debounce: { key: 'k', wait: '1h' } }), isFull)
  await assert.rejects(
    node.transaction((tx) => node.enqueue(count, 0, { tx })),
    isFull,
  )
  await assert.rejects(node.query(`select ${schema}.enqueue('count', '0')`), { code: 'CC014' })
  assert.equal((await node.items()).length, accepted.length, 'nothing was stored')
  await node.start()
  await node.drain()
  await until('it is accepted again', () =>
    node.enqueue(count, 0).then(
      () => true,
      (error: unknown) => !isFull(error),
    ),
  )
  await node.query(`select ${schema}.enqueue('count', '0')`)
  await node.drain()
  assert.equal(ran.filter((n) => n > 0).length, accepted.length)
})

test('what waits is counted: in the log and in the lane, not what is done behind one that runs for long', async (t) => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  let ran = 0
  const count = defineQueueProcessor({
    name: 'count',
    input: z.number(),
    dedicated: { partitions: 1 },
    concurrency: 20,
    async process(n) {
      if (n === 0) {
        begun.resolve()
        await end.promise
      }
      ran++
    },
  })
  const node = await setup(t, [count], { start: false })
  for (let flush = 0; flush < 5; flush++)
    await node.enqueueMany(
      count,
      Array.from({ length: 100 }, (_, at) => flush * 100 + at),
    )
  await node.enqueueMany(count, [1, 2, 3], { delay: '1 day' })
  await untilCounted(node, 503)
  await node.enqueueMany(
    count,
    Array.from({ length: 200 }, (_, at) => at + 500),
  )
  await untilCounted(node, 703)
  await node.start()
  await begun.promise
  await until('all others have run', () => ran === 699)
  // The one that runs is a small part of what its row takes up.
  await untilCounted(node, 3)
  end.resolve()
})

test('many stretches of the log are remembered as few', async (t) => {
  const { count } = counting(1_000_000)
  const node = await setup(t, [count], { start: false })
  const { schema } = node.place
  await node.enqueue(count, 0)
  await untilCounted(node, 1)
  // As if each of 150 passes had met ten rows of three items.
  for (let pass = 0; pass < 150; pass++) {
    await node.query(
      `update ${schema}.backlog set ends = ends || (coalesce(ends[cardinality(ends)], 0) + 10), items = items || 30::bigint, counted_at = '-infinity'`,
    )
    await node.query(`select ${schema}.count_backlog(array(select number from ${schema}.queue))`)
  }
  const { rows } = await node.query(
    `select sum(waiting)::int as waiting, max(cardinality(ends)) as stretches from ${schema}.backlog where queue = (select number from ${schema}.queue where name = 'count')`,
  )
  assert.equal(rows[0]?.['waiting'], 2 * 150 * 30 + 1)
  assert.ok(Number(rows[0]?.['stretches']) <= 65)
})

test('a lane of very many is counted in parts, each as much as one pass may', async (t) => {
  const { count } = counting(1_000_000)
  const node = await setup(t, [count], { start: false })
  const { schema } = node.place
  await node.enqueue(count, 0, { delay: '1 hour' })
  // The node counts beside its first accept; what has just been counted is not counted again.
  await untilCounted(node, 1)
  // All due at one moment, and in one partition.
  for (const many of [19_999, 20_000, 20_000, 20_000, 20_000, 20_000])
    await node.query(
      `insert into ${schema}.waiting_item (id, queue, partition, definition, scope, state, moves, due_at, entry, enqueued_at)
       select gen_random_uuid(), w.queue, w.partition, w.definition, w.scope, w.state, w.moves, w.due_at, w.entry, w.enqueued_at
       from (select * from ${schema}.waiting_item limit 1) as w, generate_series(1, ${many})`,
    )
  const { driver } = engineOf(node).database
  const { rows } = await node.query(`select number from ${schema}.queue where name = 'count'`)
  const pass = async (): Promise<number | undefined> => {
    await node.query(`update ${schema}.backlog set counted_at = '-infinity'`)
    return (await countBacklog(driver, schema, [Number(rows[0]?.['number'])]))[0]?.waiting
  }
  const countLaneAgain = () => node.query(`update ${schema}.backlog set lane_counted_at = '-infinity'`)
  await countLaneAgain()
  const counted = [await pass(), await pass(), await pass(), await pass()]
  assert.deepEqual(counted, [50_000, 100_000, 120_000, 120_000])
  // While it is counted again, what was counted before stands.
  await countLaneAgain()
  await node.query(
    `delete from ${schema}.waiting_item where id in (select id from ${schema}.waiting_item limit 60000)`,
  )
  assert.deepEqual([await pass(), await pass()], [120_000, 60_000])
})

test('what was counted long ago refuses nobody', async (t) => {
  const { count } = counting(2)
  const node = await setup(t, [count], { start: false })
  const isFull = () =>
    node.enqueue(count, 0).then(
      () => false,
      (error: unknown) => isCoatcheckError(error, 'QUEUE_FULL'),
    )
  await until('it is full', isFull)
  const restore = intercept(node, async (name, proceed) => {
    // From now on nobody counts.
    if (name === 'count-backlog') await new Promise(() => {})
    return proceed()
  })
  const later = performance.now() + 3_100
  t.mock.method(performance, 'now', () => later)
  assert.equal(await isFull(), false)
  restore()
})

test('the backlog is counted once at a time, and a failure is told', async (t) => {
  const { count } = counting(1_000)
  const node = await setup(t, [count], { start: false })
  const problems: unknown[] = []
  node.events.listen((name, data) => {
    if (name === 'problem') problems.push(data)
  })
  const failed = Promise.withResolvers<never>()
  let counts = 0
  const restore = intercept(node, async (name, proceed) => {
    if (name !== 'count-backlog') return proceed()
    counts++
    return failed.promise
  })
  let now = performance.now()
  t.mock.method(performance, 'now', () => now)
  for (let at = 0; at < 5; at++) {
    await node.enqueue(count, at)
    now += 1_500
  }
  assert.equal(counts, 1)
  const error = new Error('it takes too long (a test did it)')
  failed.reject(error)
  await until('it is told', () => problems.length > 0)
  assert.deepEqual(problems, [{ where: 'backlog', error }])
  restore()
  await node.enqueue(count, 5)
})

test('a service whose queue is full answers 503, until it has drained', async (t) => {
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const slow = defineService({
    name: 'slow',
    input: z.object({ n: z.number() }),
    async run() {
      begun.resolve()
      await end.promise
    },
  })
  const node = await setup(t, [slow], { http: { port: 0 } })
  const { schema } = node.place
  await node.query(`update ${schema}.queue set max_waiting = 1 where name = 'standard'`)
  const post = async (): Promise<Response> =>
    fetch(new URL('/services/flows/slow', node.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"n":1}',
    })
  assert.equal((await post()).status, 202)
  await begun.promise
  let accepted = 1
  let refused: Response | undefined
  await until('it is refused', async () => {
    const answer = await post()
    if (answer.status === 202) accepted++
    else refused = answer
    return refused !== undefined
  })
  assert.equal(refused?.status, 503)
  const problem = (await refused?.json()) as Record<string, unknown>
  assert.equal(problem['code'], 'QUEUE_FULL')
  assert.match(String(problem['detail']), /items wait on the queue "standard"; the limit is 1/)
  assert.equal(
    refused?.headers.get('retry-after'),
    String(Math.ceil(Number(problem['retryAfterMs']) / 1_000)),
  )
  assert.equal((await node.items()).length, accepted)
  end.resolve()
  await until('it is accepted again', async () => (await post()).status === 202)
})

test('over HTTP it is a 503 with Retry-After', () => {
  const error = new CoatcheckError('QUEUE_FULL', 'Too many.', { retryAfterMs: 2_400 })
  const answer = answerProblem(problemOfError(error, () => assert.fail('it is no error of ours')))
  assert.equal(answer.status, 503)
  assert.equal(answer.headers['retry-after'], '3')
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  assert.ok(typeof answer.body === 'string')
  const body = JSON.parse(answer.body) as Record<string, unknown>
  assert.equal(body['code'], 'QUEUE_FULL')
  assert.equal(body['retryAfterMs'], 2_400)
})

for (const delay of [undefined, '1 hour'] as const)
  test(`one call of many ${delay ? 'delayed ' : ''}items is refused from the limit on, and says which were accepted`, async (t) => {
    const { count } = counting(1_000)
    const node = await setup(t, [count], { start: false })
    let flushes = 0
    const stop = intercept(node, async (name, proceed) => {
      const rows = await proceed()
      // As when the database is slow, or the call much larger: what is known of the queue is from a second ago.
      if (/^(append-\d|put-waiting)/.test(name) && ++flushes < 12) await wait(1_500)
      return rows
    })
    const inputs = Array.from({ length: 60_000 }, (_, n) => n)
    const refusal: unknown = await node
      .enqueueMany(count, inputs, delay ? { delay } : {})
      .catch((error) => error)
    stop()
    assert.ok(isCoatcheckError(refusal, 'QUEUE_FULL'), String(refusal).slice(0, 100))
    assert.match(refusal.message, /^the first \d+ of 60000 items were accepted; of those after them: /)
    assert.ok(refusal.retryAfterMs! >= 1_000)
    const accepted = refusal.accepted?.length ?? 0
    assert.equal(accepted, 5_000 * flushes)
    const { schema } = node.place
    const { rows } = await node.query(
      `select (select coalesce(sum(n), 0)::int from ${schema}.log) + (select count(*)::int from ${schema}.waiting_item) as n`,
    )
    assert.equal(rows[0]?.['n'], accepted)
  })
