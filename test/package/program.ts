import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, defineApplication, defineQueueProcessor } from 'coatcheck'
import { createClient } from 'coatcheck/client'
import { defineQueueProcessor as defineApart } from 'coatcheck/define'
import * as testing from 'coatcheck/testing'
import * as tx from 'coatcheck/tx'
import { z } from 'zod'

const greet = defineQueueProcessor({
  name: 'greet',
  input: z.object({ name: z.string() }),
  process: async (input) => ({ greeting: `Hello, ${input.name}` }),
})
assert.equal(typeof defineApart, 'function')
assert.equal(typeof createClient, 'function')
assert.equal(typeof testing.createTestNode, 'function')
assert.equal(typeof tx.fromKysely, 'function')

const directory = await mkdtemp(join(tmpdir(), 'coatcheck-program-'))
const node = await createNode({
  applications: [defineApplication({ name: 'pack', definitions: [greet] })],
  database: 'embedded',
  directory,
  http: false,
})
try {
  await node.start()
  const id = await node.enqueue(greet, { name: 'Ada' })
  console.log('result', JSON.stringify(await node.result(id, { wait: '20s' })))
} finally {
  await node.stop()
  await rm(directory, { recursive: true, force: true })
}
