import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { OrderWatch, signal } from './order-watch.ts'
import { setup } from './setup.ts'

test('a queue is given more partitions, fewer, and as many as it has', async (t) => {
  const seen: number[] = []
  const work = defineQueueProcessor({
    name: 'work',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    dedicated: { partitions: 6 },
    process: async ({ n }) => void seen.push(n),
  })
  const node = await setup(t, [work])
  assert.ok(!node.warnings.some((warning) => warning.includes('partitions')))
  await node.enqueue(work, { key: 'a', n: 1 })
  for (const [at, partitions] of [12, 2, 6].entries()) {
    assert.deepEqual(await node.repartition('work', partitions), {
      queue: 'work',
      generation: at + 2,
      partitions,
      changed: true,
    })
    await node.enqueue(work, { key: 'a', n: at + 2 })
  }
  assert.equal((await node.repartition('work', 6)).changed, false)
  await node.drain()
  assert.deepEqual(seen, [1, 2, 3, 4])
  await assert.rejects(node.repartition('work', 4_085), (error) => {
    assert.ok(isCoatcheckError(error, 'PARTITIONS_USED_UP'))
    assert.match(error.message, /"work" has 4070 of its 4096 partition numbers left, not 4085/)
    return true
  })
  await assert.rejects(node.repartition('worx', 3), (error) => isCoatcheckError(error, 'UNKNOWN_QUEUE'))
  for (const wrong of [0, 4_097, 1.5, Number.NaN])
    await assert.rejects(node.repartition('work', wrong), (error) =>
      isCoatcheckError(error, 'OPTION_INVALID'),
    )
})

test('items in every state go on in the new partitions, in the order of their keys, and acts find them', async (t) => {
  const watch = new OrderWatch()
  const failing = new Set([1])
  const work = defineQueueProcessor({
    name: 'work',
    input: z.object({ key: z.string(), n: z.number() }),
    key: ({ key }) => key,
    dedicated: { partitions: 6 },
    retry: { maxAttempts: 2, initialDelay: '1 hour', factor: 1, jitter: 0 },
    process: ({ key, n }) => {
      if (failing.has(n)) throw new Error('not now')
      if (n === 50) throw new Reject('never')
      return watch.run(key, n)
    },
  })
  const loose = defineQueueProcessor({
    name: 'loose',
    input: z.object({ n: z.number() }),
    retry: { maxAttempts: 2, initialDelay: '1 hour', factor: 1, jitter: 0 },
    process: ({ n }) => {
      if (failing.has(n)) throw new Error('not now')
      return watch.run('loose', n)
    },
  })
  const node = await setup(t, [work, loose])
  const add = (key: string, n: number, options = {}) => node.enqueue(work, { key, n }, options)
  // Of key a the first waits for its next attempt; one behind it is deferred, one is to be cancelled, one to be edited.
  const a = [await add('a', 1), await add('a', 2), await add('a', 3), await add('a', 4), await add('a', 5)]
  const delayed = await add('b', 10, { delay: '2 hours' })
  const gone = await add('b', 11, { delay: '2 hours' })
  const broken = await add('c', 50)
  const unkeyed = await node.enqueue(loose, { n: 1 })
  const debounced = await node.accept(work, { key: 'd', n: 20 }, { debounce: { key: 'd', wait: '3 hours' } })
  await node.drain()
  assert.equal((await node.defer(a[1]!)).verdict, 'applied')
  assert.equal((await node.item(broken))?.state, 'broken')

  await node.repartition('work', 12)
  await node.repartition('standard', 2)
  await add('a', 6)
  await add('e', 30)
  await areDrained(node)
  await node.drain()
  assert.deepEqual(watch.byKey.get('e'), [30])
  assert.equal(watch.byKey.get('a'), undefined)
  const stateOf = async (id: string) => (await node.item(id))?.state
  assert.deepEqual(await Promise.all([...a, delayed, broken, unkeyed].map(stateOf)), [
    'scheduled',
    'deferred',
    'held',
    'held',
    'held',
    'scheduled',
    'broken',
    'scheduled',
  ])
  // All of them lie in partitions that are there now.
  const { rows } = await node.query(
    `select count(*) as old from ${node.place.schema}.waiting_item w join ${node.place.schema}.queue q on q.number = w.queue
     where w.partition < q.first_partition`,
  )
  assert.equal(Number(rows[0].old), 0)

  // Acts by ids of the old partitions.
  assert.equal((await node.cancel(a[2]!)).verdict, 'applied')
  assert.equal((await node.cancel(gone)).verdict, 'applied')
  assert.equal((await node.edit(a[3]!, { input: { key: 'a', n: 40 } })).verdict, 'applied')
  assert.equal((await node.requeue(broken, { input: { key: 'c', n: 51 } })).verdict, 'applied')
  const replaced = await node.accept(work, { key: 'd', n: 21 }, { debounce: { key: 'd', wait: '3 hours' } })
  assert.deepEqual(replaced, { id: debounced.id, outcome: 'replaced' })
  await node.drain()
  assert.deepEqual(watch.byKey.get('c'), [51])
  await assert.rejects(node.cancel(broken), (error) => isCoatcheckError(error, 'ACT_REFUSED'))

  failing.clear()
  await node.advance('1 hour')
  await node.drain()
  assert.deepEqual(watch.byKey.get('a'), [1])
  assert.equal((await node.resume(a[1]!)).verdict, 'applied')
  await node.drain()
  assert.deepEqual(watch.byKey.get('a'), [1, 2, 40, 5, 6])
  assert.deepEqual(watch.byKey.get('loose'), [1])
  await node.advance('2 hours')
  await node.drain()
  assert.deepEqual(watch.byKey.get('b'), [10])
  assert.deepEqual(watch.byKey.get('d'), [21])
  assert.equal(await stateOf(gone), 'cancelled')
  const items = await node.items()
  assert.deepEqual(
    items.filter(({ state }) => state !== 'succeeded').map(({ id }) => id),
    [a[2], gone],
  )
})

test('what a dead node may have been running is still run with nothing beside it in the new partitions', async (t) => {
  let fails = true
  const work = defineQueueProcessor({
    name: 'work',
    input: z.number(),
    key: () => 'k',
    dedicated: { partitions: 6 },
    retry: { maxAttempts: 2, initialDelay: '1 hour', jitter: 0 },
    process: () => {
      if (fails) throw new Error('not now')
    },
  })
  const node = await setup(t, [work])
  const { schema } = node.place
  const id = await node.enqueue(work, 1)
  await node.drain()
  await node.query(
    `insert into ${schema}.suspect_item (id, queue, partition, position, crashes, since)
     select id, queue, partition, position, 1, ${schema}.clock() from ${schema}.waiting_item where id = $1`,
    [id],
  )
  await node.query(`update ${schema}.partition set unclean_at = ${schema}.clock() where generation = 1`)
  const modes: string[] = []
  node.events.listen((name, data) => {
    const { partition, mode } = data as { partition: number; mode: string }
    if (name === 'partition.mode' && partition >= 6) modes.push(mode)
  })
  await node.repartition('work', 2)
  await until('the suspect is watched in its new partition', () => modes.includes('careful'))
  const { rows } = await node.query(
    `select s.partition = w.partition as together, s.position, s.crashes from ${schema}.suspect_item s join ${schema}.waiting_item w using (id)`,
  )
  assert.deepEqual(
    rows.map((row) => [row.together, Number(row.position), row.crashes]),
    [[true, -1, 1]],
  )
  fails = false
  await node.advance('1 hour')
  await node.drain()
  assert.equal((await node.item(id))?.state, 'succeeded')
  await until('it is suspected no more', async () => {
    const left = await node.query(`select from ${schema}.suspect_item`)
    return left.rows.length === 0
  })
  await until('all is well again', () => modes.at(-1) === 'normal')
})

test('all that is accepted by a node that has not heard of the change goes to the new partitions', async (t) => {
  const ran: number[] = []
  const work = defineQueueProcessor({
    name: 'work',
    input: z.object({ n: z.number() }),
    key: () => 'k',
    dedicated: { partitions: 3 },
    process: ({ n }) => void ran.push(n),
  })
  const parent = defineQueueProcessor({
    name: 'parent',
    input: z.object({ from: z.number() }),
    process: async ({ from }, ctx) => {
      // After the handler has chosen the partitions, and before its settle.
      const told = [await ctx.enqueue(work, { n: from }), await ctx.enqueue(work, { n: from + 1 })]
      await other.repartition('work', 4 + (from % 7))
      return told
    },
  })
  const other = await setup(t, [work, parent])
  const client = await setup(t, [work, parent], { place: other.place, start: false })
  let partitions = 20
  let last = 0
  const ids: string[] = []
  const accepts: ((n: number) => Promise<string[]>)[] = [
    async (n) => [await client.enqueue(work, { n })],
    (n) => client.enqueueMany(work, [{ n }, { n: n + 1 }]),
    async (n) => [await client.transaction((tx) => client.enqueue(work, { n }, { tx }))],
    (n) => client.transaction((tx) => client.enqueueMany(work, [{ n }, { n: n + 1 }], { tx })),
    async (n) => {
      const receipt = await client.accept(work, { n }, { uniqueKey: `u${n}` })
      assert.equal(receipt.outcome, 'new')
      return [receipt.id]
    },
    async (n) => {
      const receipt = await client.transaction((tx) => client.accept(work, { n }, { tx, uniqueKey: `t${n}` }))
      assert.equal(receipt.outcome, 'new')
      assert.equal((await client.accept(work, { n }, { uniqueKey: `t${n}` })).outcome, 'repeated')
      return [receipt.id]
    },
    async (n) => {
      const { rows } = await client.query(`select ${other.place.schema}.enqueue('work', $1, 'k') as id`, [
        JSON.stringify({ n }),
      ])
      return [rows[0].id as string]
    },
    async (n) => {
      const id = await client.enqueue(parent, { from: n })
      const told = (await client.result(id, { wait: '20s' })) as string[]
      return told
    },
  ]
  for (const accept of accepts) {
    await other.repartition('work', ++partitions)
    const told = await accept(last + 1)
    last += told.length
    ids.push(...told)
  }
  await other.drain()
  assert.deepEqual(
    ran,
    ids.map((_, at) => at + 1),
  )
  for (const [at, id] of ids.entries()) {
    const item = await client.item(id)
    assert.deepEqual([item?.state, item?.input], ['succeeded', { n: at + 1 }])
  }
  const delayed = await client.enqueue(work, { n: -1 }, { delay: '1 minute' })
  await other.advance('1 minute')
  await other.drain()
  assert.equal((await client.item(delayed))?.state, 'succeeded')
})

test('old partitions are gone some minutes after they were drained, and items of theirs are still told of', async (t) => {
  const work = defineQueueProcessor({
    name: 'work',
    input: z.number(),
    dedicated: { partitions: 3 },
    process: (n) => n,
  })
  const node = await setup(t, [work])
  const ids = await node.enqueueMany(work, [1, 2, 3])
  await node.repartition('work', 2)
  ids.push(await node.enqueue(work, 4))
  await areDrained(node)
  await node.drain()
  await node.advance('5 minutes')
  const { schema } = node.place
  await until('the old partitions have gone', async () => {
    await node.advance('20 s')
    const { rows } = await node.query(
      `select partition from ${schema}.partition p join ${schema}.queue q on q.number = p.queue where q.name = 'work' order by 1`,
    )
    return rows.map((row) => Number(row.partition)).join() === '3,4'
  })
  const { rows } = await node.query(
    `select count(*)::int as sequences from pg_class where relkind = 'S' and relnamespace = '${schema}'::regnamespace and relname like 'log_seq_%'
       and relname ~ ('_' || (select number from ${schema}.queue where name = 'work') || '_[0-9]+$')`,
  )
  assert.equal(rows[0].sequences, 2)
  for (const [at, id] of ids.entries()) assert.equal((await node.item(id))?.result, at + 1)
  await node.repartition('work', 1)
  ids.push(await node.enqueue(work, 5))
  await node.drain()
  assert.equal((await node.item(ids.at(-1)!))?.state, 'succeeded')
})

test('an act finds an item that went through the lane into a new log, also when its old partition has gone', async (t) => {
  const gate = signal()
  const ran: number[] = []
  const work = defineQueueProcessor({
    name: 'work',
    input: z.number(),
    dedicated: { partitions: 3 },
    concurrency: 1,
    process: async (n) => {
      ran.push(n)
      if (n === 1) await gate.promise
    },
  })
  const node = await setup(t, [work])
  const { schema } = node.place
  const delayed = await Promise.all([10, 11, 12, 13].map((n) => node.enqueue(work, n, { delay: '60 days' })))
  await node.repartition('work', 2)
  await areDrained(node)
  await until('the old partitions have gone', async () => {
    await node.advance('20 s')
    const { rows } = await node.query(
      `select from ${schema}.partition where generation = 1 and partition < 3 and drained_at is not null`,
    )
    return rows.length === 0
  })
  await node.enqueue(work, 1)
  await until('the one slot is taken', () => ran.length === 1)
  await node.advance('60 days')
  await until('they wait in the log', async () => {
    const { rows } = await node.query(`select from ${schema}.waiting_item`)
    return rows.length === 0
  })
  for (const id of delayed.slice(1)) assert.equal((await node.cancel(id)).verdict, 'applied')
  gate.give()
  await node.drain()
  assert.deepEqual(ran, [1, 10])
})

test('a definition that says another number than its queue has is told of, and changes nothing', async (t) => {
  const define = (partitions: number | undefined) =>
    defineQueueProcessor({
      name: 'work',
      input: z.number(),
      dedicated: partitions === undefined ? {} : { partitions },
      process: () => {},
    })
  const node = await setup(t, [define(3)])
  const other = await setup(t, [define(4)], { place: node.place, start: false })
  const silent = await setup(t, [define(undefined)], { place: node.place, start: false })
  const told = (of: typeof node) => of.warnings.filter((warning) => warning.includes('partitions'))
  assert.deepEqual(told(other), [
    'work says 4 partitions, its queue "work" has 3: to change that run "coatcheck queues partitions work 4"',
  ])
  assert.deepEqual([told(node), told(silent)], [[], []])
  await other.repartition('work', 4)
  assert.deepEqual(told(other), [])
})

/** Resolves when nothing of older generations is left to be run. */
async function areDrained(node: Awaited<ReturnType<typeof setup>>): Promise<void> {
  const { schema } = node.place
  await until('the old partitions are drained', async () => {
    const { rows } = await node.query(
      `select 1 from ${schema}.partition p join ${schema}.queue q on q.number = p.queue where p.generation < q.generation and p.drained_at is null`,
    )
    return rows.length === 0
  })
}
