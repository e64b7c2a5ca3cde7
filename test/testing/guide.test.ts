import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { z } from 'zod'
import { defineApplication, defineQueueProcessor, defineService } from '../../src/define/define.ts'
import { createTestNode, type TestNode } from '../../src/testing/testing.ts'

// What docs/guide/testing.md shows, as it shows it.

const remind = defineQueueProcessor({
  name: 'remind',
  input: z.object({ employeeId: z.string() }),
  process: (_, { item }) => ({ at: item.startedAt }),
})
const hire = defineService({
  name: 'hire-worker',
  input: z.object({ employeeId: z.string() }),
  execution: 'immediate',
  run: ({ employeeId }) => ({ account: `account of ${employeeId}` }),
})
const hr = defineApplication({ name: 'hr', definitions: [remind, hire] })

const shared = { database: 'embedded', directory: 'memory://tests' } as const
let keeper: Promise<TestNode> | undefined
// Not before it is needed: two databases that start at once take more than twice as long.
const keepOpen = () =>
  (keeper ??= createTestNode({ applications: [hr], ...shared, schema: 'keeper', start: false }))
after(async () => (await keeper)?.stop())

test('a node with nothing but its applications', async (t) => {
  const node = await createTestNode({ applications: [hr] })
  t.after(() => node.stop())
  const id = await node.enqueue(remind, { employeeId: '42' }, { delay: '2 days' })
  await node.advance('2 days')
  await node.drain()
  assert.equal((await node.item(id))?.state, 'succeeded')
  const { at } = await node.result(id)
  const aheadMs = new Date(at!).getTime() - Date.now()
  assert.ok(Math.abs(aheadMs - 2 * 86_400_000) < 60_000, `the handler saw ${at}`)
})

test('two nodes of one database in memory, each in its own schema', async (t) => {
  await keepOpen()
  const nodes = await Promise.all(
    ['one', 'two'].map((schema) => createTestNode({ applications: [hr], ...shared, schema })),
  )
  for (const node of nodes) t.after(() => node.stop())
  const [one, two] = nodes
  const id = await one!.enqueue(remind, { employeeId: '42' })
  await one!.drain()
  assert.equal((await one!.items()).length, 1)
  assert.equal(await two!.item(id), undefined)
  assert.deepEqual(await two!.items(), [])
})

test('an answer over HTTP from a free port', async (t) => {
  await keepOpen()
  const node = await createTestNode({ applications: [hr], ...shared, schema: 'http', http: { port: 0 } })
  t.after(() => node.stop())
  const response = await fetch(`${node.url}/services/hr/hire-worker`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ employeeId: '42' }),
  })
  assert.deepEqual([response.status, await response.json()], [200, { account: 'account of 42' }])
})
