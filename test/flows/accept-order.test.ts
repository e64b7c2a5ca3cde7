import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { setup } from './setup.ts'

test('items of a key run in the order of the calls that handed them over, though nobody waited in between', async (t) => {
  const items = 6_000
  const keys = 50
  const ran = new Map<number, number[]>()
  let count = 0
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ key: z.int(), n: z.int() }),
    key: ({ key }) => String(key),
    concurrency: 100,
    process: ({ key, n }) => {
      const before = ran.get(key)
      if (before) before.push(n)
      else ran.set(key, [n])
      count++
    },
  })
  const node = await setup(t, [step])
  const accepted: Promise<unknown>[] = []
  for (let n = 0; n < items; n++) {
    accepted.push(node.enqueue(step, { key: Math.floor(Math.random() * keys), n }))
    // Some of them come while flushes are under way.
    if (n % 7 === 0) await turn()
  }
  await Promise.all(accepted)
  await until('all have run', () => count >= items)
  for (const [key, numbers] of ran)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      `key ${key}`,
    )
})
