import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { intercept } from '../engine/faults.ts'
import { setup } from './setup.ts'

it('what a last owner left in the lane waits until what was read before it has been offered', async (t) => {
  const ran: string[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    key: () => 'one',
    process: (input) => void ran.push(input),
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
  // The keys of what was read are looked up in the lane, which takes a while; meanwhile the lane has its turn.
  intercept(node, async (name, proceed) => {
    if (name === 'waiting-keys') await pass(1_500)
    return proceed()
  })
  await node.start()
  await node.drain()
  assert.deepEqual(ran, ['first', 'second'])
})
