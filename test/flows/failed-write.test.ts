import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from './setup.ts'

test('an item whose atCommit failed holds the later ones of its key, also those that come afterwards', async (t) => {
  const runs: string[] = []
  const { promise: failed, resolve } = Promise.withResolvers<void>()
  const writing = defineQueueProcessor({
    name: 'writing',
    input: z.object({ n: z.int() }),
    key: () => 'one',
    retry: { maxAttempts: 3, initialDelay: '1 minute', jitter: 0 },
    process({ n }, ctx) {
      runs.push(`${n}/${ctx.attempt}`)
      if (n === 1 && ctx.attempt === 1) ctx.atCommit((tx) => tx.query('select no_such_column'))
    },
  })
  const node = await setup(t, [writing])
  node.events.listen((name) => {
    if (name === 'item.failed') resolve()
  })
  await node.enqueue(writing, { n: 1 })
  await failed
  await node.enqueue(writing, { n: 2 })
  await node.drain()
  assert.deepEqual(runs, ['1/1'])
  await node.advance('2 minutes')
  await node.drain()
  assert.deepEqual(runs, ['1/1', '1/2', '2/1'])
})
