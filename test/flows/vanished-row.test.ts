import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from './setup.ts'

for (const [how, writes] of [
  ['plainly', false],
  ['with atCommit', true],
] as const)
  test(`an item whose row in the lane has vanished is thrown away, settled ${how}`, async (t) => {
    const runs: string[] = []
    const { promise: running, resolve: tellRunning } = Promise.withResolvers<void>()
    const { promise: gone, resolve: goOn } = Promise.withResolvers<void>()
    const step = defineQueueProcessor({
      name: 'step',
      input: z.object({ n: z.int() }),
      key: () => 'one',
      retry: { maxAttempts: 3, initialDelay: '1 minute', jitter: 0 },
      async process({ n }, ctx) {
        runs.push(`${n}/${ctx.attempt}`)
        if (n === 1 && ctx.attempt === 1) throw new Error('not now')
        if (n === 1) {
          tellRunning()
          await gone
        }
        if (writes) ctx.atCommit((tx) => tx.query('select 1'))
      },
    })
    const node = await setup(t, [step])
    await node.enqueue(step, { n: 1 })
    await node.drain()
    await node.advance('2 minutes')
    await running
    // Nothing of ours does this; an operator with a hand in the tables may.
    await node.query(`delete from ${node.place.schema}.waiting_item`)
    goOn()
    await node.enqueue(step, { n: 2 })
    await node.drain()
    assert.deepEqual(runs, ['1/1', '1/2', '2/1'])
    const { rows } = await node.query(`select * from ${node.place.schema}.broken_item`)
    assert.deepEqual(rows, [])
  })
