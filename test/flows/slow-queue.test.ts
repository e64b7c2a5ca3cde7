import assert from 'node:assert/strict'
import { it } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { promised } from '../store/until.ts'
import { setup } from './setup.ts'

it('a slow queue with a backlog does not keep another one waiting', async (t) => {
  const end = promised()
  const slow = defineQueueProcessor({
    name: 'slow',
    input: z.number(),
    dedicated: {},
    concurrency: 2,
    process: () => end.promise,
  })
  const fast = defineQueueProcessor({ name: 'fast', input: z.number(), dedicated: {}, process: (n) => n })
  const node = await setup(t, [slow, fast], { stopTimeout: 0 })
  t.after(() => end.keep())
  await node.enqueueMany(
    slow,
    Array.from({ length: 6_000 }, (_, n) => n),
  )
  // Once this one runs, what was read of the backlog is in memory.
  for (let n = 0; n < 3; n++) {
    const id = await node.enqueue(fast, n)
    assert.equal(await node.result(id, { wait: '5s' }), n)
  }
})
