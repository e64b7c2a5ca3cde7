import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { signal } from '../flows/order-watch.ts'
import { setup } from '../flows/setup.ts'
import { until } from '../store/until.ts'
import { intercept } from './faults.ts'

test('an index pass that comes late does not hide that an item runs', async (t) => {
  const started = signal()
  const go = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.string(),
    dedicated: { partitions: 1 },
    process: () => {
      started.give()
      return go.promise
    },
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await started.promise
  let published = false
  let passes = 0
  // The reader stands behind the item by now: who reads from the beginning is the indexer.
  const stop = intercept(node, async (name, proceed, [requests]) => {
    if (name !== 'read-log' || !String(requests).includes('"from":0')) return proceed()
    if (!published) return []
    passes++
    return proceed()
  })
  await until('it is seen to run', async () => (await node.item(id))?.state === 'running')
  published = true
  const settled = new Set<number>()
  const stopListening = node.events.listen((name) => {
    if (name === 'settle.done' && passes > 0) settled.add(passes)
  })
  await until('an index pass was settled', () => settled.size > 0)
  stop()
  stopListening()
  assert.equal((await node.item(id))?.state, 'running')
  go.give()
  await node.drain()
})

test('dead rows do not keep what lies behind them out of the tracked items', async (t) => {
  const go = signal()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    concurrency: 1,
    process: () => go.promise,
  })
  const node = await setup(t, [step])
  await node.enqueue(step, 0)
  // Three in a row whose transactions rolled back, while the first item keeps the watermark before them.
  for (let n = 1; n <= 3; n++)
    await assert.rejects(
      node.transaction(async (tx) => {
        await node.enqueue(step, n, { tx })
        throw new Error('rolled back')
      }),
    )
  const behind = await node.enqueue(step, 4)
  await until('it is among the tracked items', async () => {
    const { rows } = await node.query(`select 1 from ${node.place.schema}.tracked_item where id = $1`, [
      behind,
    ])
    return rows.length === 1
  })
  go.give()
  await node.drain()
})
