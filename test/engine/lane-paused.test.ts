import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { order } from '../flows/queue-order.ts'
import { setup } from '../flows/setup.ts'
import { intercept, unreachable } from './faults.ts'

test('where the lane of a paused queue cannot be read, the retries of the others start all the same', async (t) => {
  const kinds = ['held-up', 'going'].map((name) =>
    defineQueueProcessor({
      name,
      input: z.number(),
      dedicated: { partitions: 1 },
      retry: { maxAttempts: 2, initialDelay: '1 minute' },
      process: (_, { attempt }) => {
        if (attempt === 1) throw new Error('again')
        return attempt
      },
    }),
  )
  const node = await setup(t, kinds)
  const ids = await Promise.all(kinds.map((kind) => node.enqueue(kind, 1)))
  for (const id of ids)
    await waitUntil('it waits', 20_000, async () => (await node.item(id))?.state === 'scheduled')
  await order(node, 'paused', () => node.queues.pause('held-up'))
  let refused = 0
  intercept(node, (name, proceed) => {
    if (name !== 'due-moves') return proceed()
    refused++
    return Promise.reject(unreachable())
  })
  await node.advance('2 minutes')
  assert.equal(await node.result(ids[1]!, { wait: '20s' }), 2)
  assert.ok(refused > 0)
  assert.equal((await node.item(ids[0]!))?.state, 'scheduled')
})
