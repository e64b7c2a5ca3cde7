import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  defineApplication,
  defineQueueProcessor,
  defineRequestProcessor,
  defineService,
} from '../../src/define/define.ts'
import { engineOf } from '../../src/node.ts'
import { createTestNode } from '../../src/testing/testing.ts'
import { waitUntil } from '../chaos/wait-until.ts'
import { freshPlace } from '../flows/setup.ts'
import { askAs, type Ask } from './asking.ts'
import { setupOperate } from './setup.ts'

const input = z.object({ employeeId: z.string(), ssn: z.string() })
const apart = defineQueueProcessor({ name: 'provision', input, dedicated: { partitions: 2 } })
const provision = apart.process(() => {})
const urgent = defineRequestProcessor({
  name: 'urgent',
  queues: [{ queue: 'urgent', when: () => true }, { queue: 'standard' }],
  keep: { afterSuccess: '30 days' },
})
const hire = defineService({
  name: 'hire',
  input,
  key: ({ employeeId }) => employeeId,
  secret: ['/ssn'],
  requestProcessor: urgent,
  retry: { maxAttempts: 5 },
  concurrency: 3,
  run: () => 1,
})
const hr = defineApplication({ name: 'hr', definitions: [provision, hire, urgent] })
const berlin = defineApplication({
  name: 'berlin',
  definitions: [defineService({ name: 'hire', input, concurrency: 2, run: () => 2 })],
  uses: [hr],
})

/** Asks until that many nodes have told. */
async function toldBy(ask: Ask, count: number, figures: { forget(): void }) {
  let told
  await waitUntil(`${count} nodes have told`, 20_000, async () => {
    figures.forget()
    told = (await ask('GET', '/applications')).body
    return told.nodes.filter((node: { hasTold: boolean }) => node.hasTold).length === count
  })
  // What is in it is what the tests look at.
  // oxlint-disable-next-line typescript/no-explicit-any
  return told as any
}

test('applications are shown as they stack, with what overrides what', async (t) => {
  const { node } = await setupOperate(t, { applications: [berlin] })
  const ask = await askAs(node, 'observer')
  const told = await toldBy(ask, 1, engineOf(node).figures)
  assert.deepEqual(
    told.nodes.map(({ bootId, isAsked, types }: Record<string, unknown>) => [bootId, isAsked, types]),
    [[node.id, true, ['web', 'background']]],
  )
  assert.deepEqual(told.stacks, [{ applications: ['berlin', 'hr', 'coatcheck'], nodes: [node.id] }])
  assert.equal(told.isSameOnAll, true)
  assert.deepEqual(told.others, [])
  const [above, below, builtIn] = told.applications
  assert.deepEqual([above.name, above.uses, above.isBuiltIn], ['berlin', ['hr'], false])
  assert.deepEqual(
    [builtIn.name, builtIn.isBuiltIn, builtIn.definitions[0].name],
    ['coatcheck', true, 'coatcheck.callback'],
  )
  const [hireAbove] = above.definitions
  assert.deepEqual(hireAbove.variants[0].overrides, ['hr'])
  assert.equal(hireAbove.variants[0].standing, 'effective')
  assert.deepEqual(hireAbove.variants[0].run, { concurrency: 2, timeoutMs: 300_000 })
  // It keeps the path of the application that declared it first.
  assert.equal(hireAbove.variants[0].accept.path, '/services/hr/hire')
  assert.deepEqual(
    below.definitions.map(({ kind, name }: Record<string, unknown>) => [kind, name]),
    [
      ['queue-processor', 'provision'],
      ['request-processor', 'urgent'],
      ['service', 'hire'],
    ],
  )
  const [processor, requests, hireBelow] = below.definitions
  assert.deepEqual(hireBelow.variants, [
    { nodes: [node.id], runsOn: [], standing: 'overridden', by: 'berlin' },
  ])
  assert.deepEqual(processor.variants[0].accept.queues, ['provision'])
  assert.deepEqual(processor.variants[0].runsOn, [node.id])
  assert.deepEqual(requests.variants[0].accept.queues, ['urgent', 'standard'])
  assert.equal(requests.variants[0].accept.keptMs.succeeded, 30 * 86_400_000)
})

test('what a definition decides is told: queues, attempts, what is kept, what is secret', async (t) => {
  const { node } = await setupOperate(t, { applications: [hr] })
  const ask = await askAs(node, 'observer')
  const [application] = (await toldBy(ask, 1, engineOf(node).figures)).applications
  const { accept, run } = application.definitions.find(({ name }: { name: string }) => name === 'hire')
    .variants[0]
  assert.deepEqual(run, { concurrency: 3, timeoutMs: 300_000 })
  assert.deepEqual(
    [
      accept.application,
      accept.queues,
      accept.requestProcessor,
      accept.execution,
      accept.isKeyed,
      accept.order,
    ],
    ['hr', ['urgent', 'standard'], 'urgent', 'queue', true, 'strict'],
  )
  assert.deepEqual(
    [accept.maxAttempts, accept.secret, accept.keptMs.succeeded],
    [5, ['/ssn'], 30 * 86_400_000],
  )
})

test('nodes of two releases are told apart where they differ, and nowhere else', async (t) => {
  const place = await freshPlace()
  const { node } = await setupOperate(t, { applications: [berlin], place, name: 'new' })
  const old = defineApplication({ name: 'hr', definitions: [provision, hire, urgent] })
  const left = defineQueueProcessor({ name: 'left', input, process: () => {} })
  const former = defineApplication({ name: 'former', definitions: [left] })
  const other = await createTestNode({ applications: [old, former], ...place, log: false, name: 'old' })
  t.after(() => other.stop())
  const ask = await askAs(node, 'observer')
  const told = await toldBy(ask, 2, engineOf(node).figures)
  assert.equal(told.isSameOnAll, false)
  assert.deepEqual(
    told.stacks.map((stack: Record<string, unknown>) => [stack['applications'], stack['nodes']]),
    [
      [['berlin', 'hr', 'coatcheck'], [node.id]],
      [['hr', 'former', 'coatcheck'], [other.id]],
    ],
  )
  const of = (name: string) => told.applications.find((one: { name: string }) => one.name === name)
  assert.deepEqual(
    told.applications.map(({ name }: { name: string }) => name),
    ['berlin', 'hr', 'former', 'coatcheck'],
  )
  assert.deepEqual([of('berlin').nodes, of('former').nodes], [[node.id], [other.id]])
  const definition = (name: string) =>
    of('hr').definitions.find((one: { name: string }) => one.name === name).variants
  assert.deepEqual(
    definition('hire').map(({ nodes, standing }: Record<string, unknown>) => [nodes, standing]),
    [
      [[node.id], 'overridden'],
      [[other.id], 'effective'],
    ],
  )
  assert.deepEqual(
    definition('provision').map(({ nodes, runsOn }: Record<string, unknown>) => [nodes, runsOn]),
    [
      [
        [node.id, other.id],
        [node.id, other.id],
      ],
    ],
  )
  // Once it has gone, what it alone knew is in the database still.
  await other.stop()
  const alone = await toldBy(ask, 1, engineOf(node).figures)
  assert.equal(alone.isSameOnAll, true)
  assert.deepEqual(alone.others, [
    { kind: 'queue-processor', name: 'left', application: 'former', queue: 'standard' },
  ])
})

test('a node that has the declaration alone is of the same mind as one that runs it', async (t) => {
  const place = await freshPlace()
  const door = defineApplication({ name: 'hr', definitions: [apart] })
  const { node } = await setupOperate(t, { applications: [door], place, nodeTypes: ['web'] })
  const worker = await createTestNode({
    applications: [defineApplication({ name: 'hr', definitions: [provision] })],
    ...place,
    log: false,
    nodeTypes: ['background'],
  })
  t.after(() => worker.stop())
  const ask = await askAs(node, 'observer')
  const told = await toldBy(ask, 2, engineOf(node).figures)
  assert.equal(told.isSameOnAll, true)
  assert.deepEqual(
    told.nodes.map(({ bootId, isAsked }: Record<string, unknown>) => [bootId, isAsked]),
    [
      [node.id, true],
      [worker.id, false],
    ],
  )
  const [{ variants }] = told.applications[0].definitions
  assert.equal(variants.length, 1)
  assert.deepEqual(variants[0].runsOn, [worker.id])
  assert.deepEqual(variants[0].run, { concurrency: 10, timeoutMs: 300_000 })
})

test('a node that says nothing, or what cannot be read, is named as one that has not told', async (t) => {
  const place = await freshPlace()
  const { node } = await setupOperate(t, { applications: [hr], place })
  const other = await createTestNode({ applications: [hr], ...place, log: false })
  t.after(() => other.stop())
  const ask = await askAs(node, 'observer')
  const { figures } = engineOf(node)
  await toldBy(ask, 2, figures)
  const { schema } = place
  for (const said of ['{', '{"later":true}']) {
    await node.query(
      `update ${schema}.node_description set applications = $1, digest = $1, settings = $1 where boot_id = $2`,
      [said, other.id],
    )
    const told = await toldBy(ask, 1, figures)
    assert.equal(told.isSameOnAll, true)
    assert.equal(
      (await ask('GET', '/settings')).body.nodes.find((one: { isAsked: boolean }) => !one.isAsked).hasTold,
      false,
    )
  }
  await node.query(`delete from ${schema}.node_description where boot_id = $1`, [other.id])
  await toldBy(ask, 1, figures)
})
