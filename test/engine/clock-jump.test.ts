import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode } from '../../src/node.ts'
import { setup } from '../flows/setup.ts'

test('a node accepts although the clock of the database has jumped', async (t) => {
  const step = defineQueueProcessor({ name: 'step', input: z.number(), process: (n) => n })
  const node = await setup(t, [step])
  // A node that nobody tells of the jump, as after a failover to a server whose clock is ahead.
  const client = await createNode({
    applications: [defineApplication({ name: 'client', definitions: [step] })],
    ...node.place,
    http: false,
  })
  t.after(() => client.stop())
  await client.enqueue(step, 1)
  await node.advance('1 hour')
  const ids = [
    await client.enqueue(step, 2),
    await client.enqueue(step, 3, { uniqueKey: 'once' }),
    await client.enqueue(step, 3, { uniqueKey: 'once' }),
  ]
  assert.equal(ids[1], ids[2])
  assert.equal(await node.result(ids[0]!, { wait: '5s' }), 2)
  await node.drain()
  assert.equal((await node.items()).length, 3)
})
