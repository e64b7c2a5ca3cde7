import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { intercept } from '../engine/faults.ts'
import { until } from '../store/until.ts'
import { setup } from './setup.ts'

/** Slow while a node takes over: the keys of what was read are looked up in the lane, or the bound of what may start is moved. */
for (const slow of ['waiting-keys', 'extend-read-to'])
  it(`what a last owner left in the lane waits for what was read before it, also during ${slow}`, async (t) => {
    const ran: string[] = []
    const step = defineQueueProcessor({
      name: 'step',
      input: z.string(),
      key: (input) => (input.startsWith('other') ? input : 'one'),
      process: (input) => void ran.push(input),
      dedicated: { partitions: 1 },
    })
    const node = await setup(t, [step], { start: false })
    const { schema } = node.place
    await node.enqueue(step, 'first')
    const second = await node.enqueue(step, 'second')
    // As an owner leaves it that held the second behind the first, had too much in memory, and died.
    await node.query(
      `insert into ${schema}.waiting_item
       (id, queue, partition, generation, position, definition, scope, key, state, moves, entry, enqueued_at)
     select $1, queue, partition, 1, seq * 4096, 'step', 'step', 'one', 'held', false, data::json ->> 0, at
     from ${schema}.log where flush = $1`,
      [second],
    )
    await node.query(
      `update ${schema}.partition p set done = int8multirange(int8range(seq * 4096, (seq + 1) * 4096))
     from ${schema}.log l where (l.queue, l.partition, l.flush) = (p.queue, p.partition, $1)`,
      [second],
    )
    // More rows than may start without moving the bound.
    for (let n = 0; n < 20; n++) await node.enqueue(step, `other ${n}`)
    // Meanwhile the lane has its turn.
    intercept(node, async (name, proceed) => {
      if (name === slow) await pass(1_500)
      return proceed()
    })
    await node.start()
    await node.drain()
    assert.deepEqual(
      ran.filter((input) => !input.startsWith('other')),
      ['first', 'second'],
    )
    assert.equal(ran.length, 22)
  })

it('a lane with more rows of one key than a page looks at is gone through to its end', async (t) => {
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    key: (input) => input.split(' ')[0]!,
    dedicated: { partitions: 1 },
    concurrency: 100,
    process: (input) => void ran.push(input),
  })
  const node = await setup(t, [step], { start: false })
  const { schema } = node.place
  // As an owner leaves it that held them all and died: a key with 1,100 rows, and behind those 250 keys with two each.
  await node.query(
    `insert into ${schema}.waiting_item
       (id, queue, partition, generation, position, definition, scope, key, state, moves, entry, enqueued_at)
     select ('01a206d4-cbce-8001-8001-' || lpad(to_hex(n), 12, '0'))::uuid, p.queue, p.partition, 1, n * 4096, 'step', 'step',
       key, 'held', false,
       json_build_object('d', 'step', 'k', key, 'i', key || ' ' || n), now()
     from ${schema}.partition p join ${schema}.queue q on q.number = p.queue and q.name = 'step', generate_series(1, 1600) as n,
       lateral (select case when n <= 1100 then 'hot' else 'key' || n % 250 end as key) as k`,
  )
  await node.query(
    `update ${schema}.partition set done = '{[0,${4096 * 1_601})}', watermark = ${4096 * 1_601}, read_to = ${4096 * 1_601}
     where queue = (select number from ${schema}.queue where name = 'step')`,
  )
  await node.start()
  await until('all have run', () => ran.length === 1_600)
  for (const items of Map.groupBy(ran, (input) => input.split(' ')[0]).values()) {
    const places = items.map((input) => Number(input.split(' ')[1]))
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
  }
})
