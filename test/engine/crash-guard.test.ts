import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { Dispatcher } from '../../src/engine/dispatcher.ts'
import { testDatabase } from '../databases.ts'
import { setup } from '../flows/setup.ts'
import { promised, until } from '../store/until.ts'
import { intercept, unreachable } from './faults.ts'

/** A node that has not started, and whose log holds three items, of which the first is suspected. */
async function withSuspect(t: TestContext) {
  const ran: number[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: (n) => void ran.push(n),
  })
  const node = await setup(t, [step], { start: false })
  const { schema } = node.place
  const ids = await node.enqueueMany(step, [1, 2, 3])
  await node.query(
    `insert into ${schema}.suspect_item (id, queue, partition, position, crashes, since)
     select $1, queue, partition, seq * 4096, 1, now() from ${schema}.log`,
    [ids[0]],
  )
  return { node, ran, ids }
}

test('a mark that fails once for the one that runs alone does not keep the node from going on', async (t) => {
  const { node, ran, ids } = await withSuspect(t)
  let failed = 0
  intercept(node, (name, proceed, values) => {
    const isAlone = name === 'mark-items' && String(values[1]).includes(ids[0]!)
    return isAlone && failed++ === 0 ? Promise.reject(unreachable()) : proceed()
  })
  await node.start()
  await until('all have run', () => ran.length === 3)
  assert.deepEqual(ran, [2, 3, 1])
  assert.ok(failed > 1)
})

test('suspects run one by one, those that were charged first, by one mark for all of them', async (t) => {
  const ran: number[] = []
  let most = 0
  let running = 0
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    retry: { maxAttempts: 2, initialDelay: '10 ms' },
    process: async (n, { attempt }) => {
      ran.push(n)
      most = Math.max(most, ++running)
      await pass(5)
      running--
      // It did not end its node: after this it runs beside others.
      if (n === 2 && attempt === 1) throw new Error('It fails once.')
    },
  })
  const node = await setup(t, [step], { start: false })
  const { schema } = node.place
  const ids = await node.enqueueMany(step, [1, 2, 3, 4, 5])
  await node.query(
    `insert into ${schema}.suspect_item (id, queue, partition, position, crashes, since)
     select i.id, l.queue, l.partition, l.seq * 4096 + i.place - 1, case when i.place = 4 then 1 else 0 end, now()
     from ${schema}.log l, unnest($1::uuid[]) with ordinality as i(id, place)`,
    [ids],
  )
  const lines: { id: string; turn: number }[][] = []
  let forgotten = 0
  intercept(node, (name, proceed, values) => {
    const marks = name === 'mark-items' ? (JSON.parse(String(values[1])) as { turn?: number }[]) : []
    if (marks.some(({ turn }) => turn !== undefined)) lines.push(marks as never)
    if (name === 'forget-suspects') forgotten++
    return proceed()
  })
  await node.start()
  await until('all have run', () => ran.length === 6)
  assert.equal(most, 1)
  assert.deepEqual(ran.slice(0, 5), [4, 1, 2, 3, 5])
  assert.deepEqual(
    lines.map((marks) => marks.map(({ id, turn }) => [id, turn])),
    [[4, 1, 2, 3, 5].map((n, turn) => [ids[n - 1], turn])],
  )
  await until('nothing is suspected', async () => {
    const { rows } = await node.query(
      `select id from ${schema}.suspect_item union all select boot_id from ${schema}.crash_mark`,
    )
    return rows.length === 0
  })
  assert.equal(forgotten, 1)
})

test('what is ready is written down ahead, and starts while the next mark is on its way', async (t) => {
  const unmarked: string[] = []
  let written = new Set<string>()
  let underWay = 0
  let meanwhile = 0
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    concurrency: 4,
    process: async (_, { item }) => {
      if (!written.has(item.id)) unmarked.push(item.id)
      if (underWay > 0) meanwhile++
      await pass(1)
    },
  })
  const node = await setup(t, [step], { start: false })
  const { schema } = node.place
  const ids = await node.enqueueMany(
    step,
    Array.from({ length: 400 }, (_, n) => n),
  )
  await node.query(`update ${schema}.partition set owner = gen_random_uuid(), read_to = 4096 * 1000`)
  const most: number[] = []
  intercept(node, async (name, proceed, values) => {
    if (name !== 'mark-items') return proceed()
    underWay++
    const rows = await proceed()
    await pass(20)
    underWay--
    const marks = (JSON.parse(String(values[1])) as { id: string }[]).map(({ id }) => id)
    written = new Set(marks)
    assert.equal(written.size, marks.length)
    most.push(marks.length)
    return rows
  })
  await node.start()
  await until('all have run', async () => (await node.item(ids.at(-1) as string))?.state === 'succeeded')
  assert.deepEqual(unmarked, [])
  assert.ok(meanwhile > 200, `${meanwhile} began meanwhile`)
  // At first what there are slots for; then as many more as could start meanwhile.
  assert.equal(most[0], 4)
  assert.ok(Math.max(...most) > 8 && Math.max(...most) <= 104, `marks of ${most.join(', ')}`)
})

test('a partition whose acts could not be read when it was taken leaves nothing marked', async (t) => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: (n) => n,
  })
  const node = await setup(t, [step])
  const { schema } = node.place
  let isTaking = false
  let refused = 0
  intercept(node, (name, proceed) => {
    isTaking ||= name === 'acquire-partitions'
    return name === 'open-acts' && isTaking && refused++ === 0 ? Promise.reject(unreachable()) : proceed()
  })
  // As if another node had taken it, and died.
  await node.query(
    `update ${schema}.partition set owner = gen_random_uuid(), epoch = nextval('${schema}.epoch'), read_to = 4096 * 1000`,
  )
  const id = await node.enqueue(step, 1)
  assert.equal(await node.result(id, { wait: '15s' }), 1)
  assert.ok(refused > 0)
  await until('it is as usual again', async () => {
    const { rows } = await node.query(
      `select from ${schema}.partition where unclean_at is not null union all select from ${schema}.crash_mark`,
    )
    return rows.length === 0
  })
})

test('the first mark has a handler in it that does not end', async (t) => {
  const sweep = Reflect.get(Dispatcher.prototype, 'sweep') as (this: Dispatcher) => void
  t.after(() => {
    Dispatcher.prototype.sweep = sweep
  })
  // As a sweep does half a minute after the handler was told to end.
  Dispatcher.prototype.sweep = function () {
    for (const { attempt } of this.runningItems()) if (attempt) attempt.reportedStuck = true
    sweep.call(this)
  }
  const [begun, end] = [promised(), promised()]
  const deaf = defineQueueProcessor({
    name: 'deaf',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: () => {
      begun.keep()
      return end.promise
    },
  })
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: (n) => n,
  })
  const node = await setup(t, [deaf, step], { stopTimeout: 0 })
  const { schema } = node.place
  const marked: string[] = []
  intercept(node, (name, proceed, values) => {
    if (name === 'mark-items') marked.push(String(values[1]))
    return proceed()
  })
  const stuck = await node.enqueue(deaf, 1)
  await begun.promise
  await pass(500)
  await node.query(
    `update ${schema}.partition p
     set owner = gen_random_uuid(), epoch = nextval('${schema}.epoch'), read_to = 4096 * 1000
     from ${schema}.queue q where q.number = p.queue and q.name like '%step'`,
  )
  const id = await node.enqueue(step, 1)
  assert.equal(await node.result(id, { wait: '15s' }), 1)
  end.keep()
  assert.ok(marked[0]?.includes(stuck))
})

const skip = testDatabase().kind === 'pglite' && 'an embedded database has no other nodes'

test('a partition that is taken while the marks go has what runs written down again', { skip }, async (t) => {
  const [begun, end] = [promised(), promised()]
  const step = defineQueueProcessor({
    name: 'step',
    input: z.enum(['short', 'long']),
    dedicated: { partitions: 1 },
    concurrency: 2,
    process: async (what) => {
      if (what === 'long') begun.keep()
      // Of what the dead owner may have been running one goes on until the long one runs beside it.
      await (what === 'long' ? end.promise : begun.promise)
    },
  })
  const other = defineQueueProcessor({
    name: 'other',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: (n) => n,
  })
  const node = await setup(t, [step, other], { start: false, stopTimeout: 0 })
  const { schema } = node.place
  // One of two dead owners does not look dead yet.
  await node.enqueue(step, 'short')
  await node.query(`update ${schema}.partition set owner = gen_random_uuid(), read_to = 4096 * 1000`)
  await node.query(
    `insert into ${schema}.node (boot_id, name, types, version, queues, started_at, lease_until)
     select p.owner, 'gone', '{background}', '0', '{}', now(), now() + interval '1 hour'
     from ${schema}.partition p join ${schema}.queue q on q.number = p.queue where q.name like '%other'`,
  )
  let modes = 0
  node.events.listen((event) => {
    if (event === 'partition.mode') modes++
  })
  let isFirst = true
  // Whether it stays there is another matter: the other partition may have nothing to be written down for.
  const markedAgain: string[] = []
  intercept(node, async (name, proceed, values) => {
    const rows = await proceed()
    if (name === 'mark-items' && !isFirst) markedAgain.push(String(values[1]))
    if (name !== 'unmark-items' || !isFirst) return rows
    isFirst = false
    await node.query(`update ${schema}.node set lease_until = now() - interval '1 hour' where name = 'gone'`)
    await until('the other one is taken', () => modes >= 3)
    return rows
  })
  await node.start()
  const long = await node.enqueue(step, 'long')
  await begun.promise
  await until('the long one is written down', () => markedAgain.some((items) => items.includes(long)))
  end.keep()
})

test('what still runs on a node that stops is not written down any more', async (t) => {
  const end = promised()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: () => end.promise,
  })
  const node = await setup(t, [step], { start: false })
  const beside = await setup(t, [step], { place: node.place, start: false })
  const { schema } = node.place
  const marks = async (): Promise<number> =>
    (await beside.query(`select from ${schema}.crash_mark`)).rows.length
  await node.enqueue(step, 1)
  await node.query(`update ${schema}.partition set owner = gen_random_uuid(), read_to = 4096 * 1000`)
  await node.start()
  await until('it is written down', async () => (await marks()) === 1)
  const stopped = node.stop()
  await until('it is written down no more', async () => (await marks()) === 0)
  end.keep()
  await stopped
})

test('what was given back because its queue was stopped is not written down any more', async (t) => {
  const begun = promised()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: async (_, { signal }) => {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('told to end')))
        begun.keep()
      })
    },
  })
  const node = await setup(t, [step], { start: false })
  const { schema } = node.place
  const id = await node.enqueue(step, 1)
  await node.query(`update ${schema}.partition set owner = gen_random_uuid(), read_to = 4096 * 1000`)
  const marks = async () =>
    (await node.query(`select items from ${schema}.crash_mark`)).rows.map(({ items }) => String(items))
  await node.start()
  await begun.promise
  assert.ok((await marks())[0]?.includes(id))
  // A mark that fails is written with the next round.
  let failed = 0
  intercept(node, (name, proceed) =>
    name === 'mark-items' && failed++ === 0 ? Promise.reject(unreachable()) : proceed(),
  )
  await node.queues.stop('step')
  await until('it is written down no more', async () => (await marks())[0] === '[]')
  assert.ok(failed > 1)
})

test('what is ready starts while the lane is searched for what a dead owner may have been running', async (t) => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: (n) => n,
  })
  const node = await setup(t, [step], { start: false })
  const { schema } = node.place
  await node.query(`update ${schema}.partition set owner = gen_random_uuid(), read_to = 4096 * 1000`)
  const modes: string[] = []
  node.events.listen((event, data) => {
    if (event === 'partition.mode') modes.push((data as { mode: string }).mode)
  })
  const [asked, go] = [promised(), promised()]
  let pages = 0
  intercept(node, async (name, proceed) => {
    if (name !== 'lane-suspects') return proceed()
    pages++
    asked.keep()
    await go.promise
    // It fails once, and is looked at again.
    return pages === 1 ? Promise.reject(unreachable()) : proceed()
  })
  await node.start()
  await asked.promise
  const id = await node.enqueue(step, 1)
  assert.equal(await node.result(id, { wait: '15s' }).finally(() => go.keep()), 1)
  assert.deepEqual(modes, ['marking'])
  await until('it is as usual again', () => modes.at(-1) === 'normal')
  assert.equal(pages, 2)
})
