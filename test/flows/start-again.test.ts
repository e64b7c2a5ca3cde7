import assert from 'node:assert/strict'
import { it } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { intercept, unreachable } from '../engine/faults.ts'
import { setup } from './setup.ts'

for (const statement of ['register-node', 'live-nodes'])
  it(`a start that failed at ${statement} may be tried again`, async (t) => {
    const ran: string[] = []
    const step = defineQueueProcessor({
      name: 'step',
      input: z.string(),
      process: (input) => void ran.push(input),
    })
    const node = await setup(t, [step], { start: false })
    const restore = intercept(node, (name, proceed) =>
      name === statement ? Promise.reject(unreachable()) : proceed(),
    )
    await assert.rejects(node.start(), { code: 'DATABASE_UNREACHABLE' })
    restore()
    await node.start()
    await node.enqueue(step, 'a')
    await node.drain()
    assert.deepEqual(ran, ['a'])
  })
