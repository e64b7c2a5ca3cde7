import assert from 'node:assert/strict'
import { it } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { intercept } from '../engine/faults.ts'
import { setup } from './setup.ts'

/** How far a new owner may start without asking. */
const firstRows = 16

it('nothing starts beyond what the database has been told', async (t) => {
  const ran: number[] = []
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    dedicated: { partitions: 1 },
    process: (input) => void ran.push(input),
  })
  const node = await setup(t, [step], { start: false })
  const asked = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  intercept(node, async (name, proceed) => {
    if (name !== 'extend-read-to') return proceed()
    asked.resolve()
    await told.promise
    return proceed()
  })
  // A row each.
  for (let n = 0; n < 3 * firstRows; n++) await node.enqueue(step, n)
  await node.start()
  await asked.promise
  // As much as starting a few handlers takes, and more.
  await node.query('select pg_sleep(0.5)')
  assert.ok(ran.length <= firstRows, `${ran.length} ran, and the bound was ${firstRows} rows`)
  told.resolve()
  await node.drain()
  assert.deepEqual(
    ran.toSorted((a, b) => a - b),
    Array.from({ length: 3 * firstRows }, (_, n) => n),
  )
})

it('costs next to no statements, and without a crash nothing is marked', async (t) => {
  const step = defineQueueProcessor({
    name: 'step',
    input: z.number(),
    key: (input) => String(input % 100),
    process: () => {},
  })
  const node = await setup(t, [step])
  const statements = new Map<string, number>()
  const stop = intercept(node, (name, proceed) => {
    statements.set(name, (statements.get(name) ?? 0) + 1)
    return proceed()
  })
  for (let batch = 0; batch < 20; batch++)
    await node.enqueueMany(
      step,
      Array.from({ length: 500 }, (_, at) => at),
    )
  await node.drain()
  for (let n = 0; n < 200; n++) await node.enqueue(step, n)
  await node.drain()
  stop()
  const count = (...names: string[]): number =>
    names.reduce((sum, name) => sum + (statements.get(name) ?? 0), 0)
  const settles = [...statements].reduce((sum, [name, n]) => sum + (name.startsWith('settle') ? n : 0), 0)
  const bounds = count('extend-read-to')
  t.diagnostic(`10,200 items: ${settles} settles, ${bounds} moves of the bound`)
  assert.ok(settles > 0)
  assert.ok(bounds <= 20, `${bounds} statements for 10,200 items`)
  assert.equal(count('mark-items', 'unmark-items', 'read-suspects', 'lane-suspects'), 0)
})
