import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import {
  type AnyDefinition,
  createNode,
  defineApplication,
  defineQueueProcessor,
  defineService,
  Problem,
  reply,
} from '../../src/index.ts'
import { testDatabase } from '../databases.ts'
import { intercept } from '../engine/faults.ts'
import { freshPlace } from '../flows/setup.ts'
import { promised } from '../store/until.ts'
import { bodyOf } from './door-setup.ts'

const taken = {
  status: 409,
  code: 'ALREADY_HIRED',
  detail: 'Employee 13 has an account',
  errors: [{ detail: 'taken', pointer: '#/employeeId' }],
}

/** One that queues and one that runs at once, of the same handler. */
function hireOf(name: string, execution: 'queue' | 'immediate') {
  return defineService({
    name,
    input: z.object({ employeeId: z.string() }),
    output: z.object({ account: z.string(), correlationId: z.string().optional() }),
    execution,
    retry: { maxAttempts: 1 },
    run: ({ employeeId }, ctx) => {
      if (employeeId === '13') throw new Problem(taken)
      if (employeeId === '14') throw new Error('secret')
      const { correlationId } = ctx.context
      return reply(
        { account: `a-${employeeId}`, ...(correlationId && { correlationId }) },
        { status: 201, headers: { 'x-own': 'yes' } },
      )
    },
  })
}

/** A node that listens, and a way to ask it. */
async function setup(t: TestContext, ...more: AnyDefinition[]) {
  const definitions = [hireOf('hire', 'queue'), hireOf('hire-now', 'immediate'), ...more]
  const place = await freshPlace()
  const node = await createNode({
    applications: [defineApplication({ name: 'hr', definitions })],
    ...place,
    http: { port: 0 },
    log: false,
    stopTimeout: '1 second',
  })
  t.after(() => node.stop())
  await node.start()
  const ask = (path: string, init: RequestInit = {}) => fetch(new URL(path, node.url), init)
  const post = (path: string, body: object, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    })
  return { node, ask, post }
}

/** Status, headers that the service chose, and body. */
async function answerOf(answer: Response) {
  const { status, headers } = answer
  return { status, own: headers.get('x-own'), type: headers.get('content-type'), body: await bodyOf(answer) }
}

test('hand over, keep the ticket, come back for the result', async (t) => {
  const { ask, post } = await setup(t)
  const accepted = await post('/services/hr/hire', { employeeId: '42' }, { 'x-correlation-id': 'c-42' })
  assert.equal(accepted.status, 202)
  const { links } = (await accepted.json()) as { links: { self: string; result: string } }
  assert.equal(accepted.headers.get('location'), links.self)
  const result = await ask(`${links.result}?wait=20s`)
  assert.equal(result.status, 201)
  assert.equal(result.headers.get('x-own'), 'yes')
  assert.equal(result.headers.get('coatcheck-item-state'), 'succeeded')
  assert.deepEqual(await result.json(), { account: 'a-42', correlationId: 'c-42' })
  const status = await bodyOf(await ask(links.self))
  assert.equal(status['state'], 'succeeded')
  assert.equal(status['service'], 'hire')
  assert.equal(status['application'], 'hr')
  assert.equal(status['attempts'], 1)
  assert.match(String(status['endedAt']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

for (const employeeId of ['42', '13', '14'])
  test(`the result of employee ${employeeId} is what the synchronous call answers`, async (t) => {
    const { ask, post } = await setup(t)
    const atOnce = await answerOf(
      await post('/services/hr/hire-now', { employeeId }, { 'x-correlation-id': 'c' }),
    )
    const accepted = await post('/services/hr/hire', { employeeId }, { 'x-correlation-id': 'c' })
    const later = await answerOf(await ask(`${accepted.headers.get('location')}/result?wait=20s`))
    // what the log has of the one is found by its reference, of the other by its id
    delete atOnce.body['reference']
    assert.deepEqual(later, atOnce)
    assert.doesNotMatch(JSON.stringify(later), /secret/)
    if (employeeId === '13') assert.deepEqual([later.status, later.body['errors']], [409, taken.errors])
  })

test('Prefer decides before anything runs', async (t) => {
  const { post } = await setup(t)
  const queued = await post('/services/hr/hire-now', { employeeId: '42' }, { prefer: 'respond-async' })
  assert.equal(queued.status, 202)
  assert.equal(queued.headers.get('preference-applied'), 'respond-async')
  const waited = await post('/services/hr/hire', { employeeId: '42' }, { prefer: 'wait=20' })
  assert.equal(waited.status, 201)
  assert.equal(waited.headers.get('coatcheck-item-state'), 'succeeded')
})

test('what failed at once and may be queued succeeds in a later attempt', async (t) => {
  let calls = 0
  const flaky = defineService({
    name: 'flaky',
    input: z.object({}),
    execution: 'immediate',
    queueWhen: (error) => error.code === 'CONNECTION_FAILED',
    retry: { initialDelay: 1 },
    run: (_input, ctx) => {
      calls += 1
      if (calls === 1) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      return { attempt: ctx.attempt }
    },
  })
  const { ask, post } = await setup(t, flaky)
  const queued = await post('/services/hr/flaky', {})
  assert.equal(queued.status, 202)
  const result = await ask(`${queued.headers.get('location')}/result?wait=20s`)
  assert.deepEqual(await result.json(), { attempt: 2 })
  assert.equal(calls, 2)
})

test('an input that does not fit is refused before anything is stored', async (t) => {
  const { post } = await setup(t)
  for (const service of ['hire', 'hire-now']) {
    const answer = await post(`/services/hr/${service}`, { employeeId: 42 })
    assert.equal(answer.status, 422)
    const [error] = (await bodyOf(answer))['errors'] as [{ pointer: string }]
    assert.equal(error.pointer, '#/employeeId')
  }
})

test('a client that goes away aborts what runs for it', async (t) => {
  const started = Promise.withResolvers<AbortSignal>()
  const slow = defineService({
    name: 'slow',
    input: z.object({}),
    execution: 'immediate',
    run: (_input, { signal }) => {
      started.resolve(signal)
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    },
  })
  const { post } = await setup(t, slow)
  const client = new AbortController()
  const asking = post('/services/hr/slow', {}, {}, client.signal)
  const signal = await started.promise
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
  client.abort()
  await assert.rejects(asking)
  await aborted
})

test('a running service is cancelled over HTTP, and its events say so until the end', async (t) => {
  const started = Promise.withResolvers<void>()
  const hang = defineService({
    name: 'hang',
    input: z.object({}),
    run: (_input, { signal, progress }) => {
      progress({ done: 3 })
      started.resolve()
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    },
  })
  const { ask, post } = await setup(t, hang)
  const path = (await post('/services/hr/hang', {})).headers.get('location') ?? ''
  const events = await ask(`${path}/events`)
  await started.promise
  const cancelled = await ask(path, { method: 'DELETE' })
  assert.equal(cancelled.status, 202)
  // The stream ends by itself, with the end of the item.
  const states = [...(await events.text()).matchAll(/^data: .*?"state":"(\w+)"/gm)].map(([, state]) => state)
  assert.equal(states[0], 'ready')
  assert.equal(states.at(-1), 'cancelled')
  assert.equal((await ask(path, { method: 'DELETE' })).status, 204)
  assert.equal((await ask(`${path}/result`)).status, 409)
  const done = (await post('/services/hr/hire', { employeeId: '42' }, { prefer: 'wait=20' })).headers
  const url = (done.get('content-location') ?? '').replace(/\/result$/, '')
  assert.equal((await ask(url, { method: 'DELETE' })).status, 409)
})

test('stopping answers who waits for an item', async (t) => {
  const started = Promise.withResolvers<void>()
  const hang = defineQueueProcessor({
    name: 'hang',
    input: z.object({}),
    process: (_input, { signal }) => {
      started.resolve()
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    },
  })
  const { node, ask } = await setup(t, hang)
  const id = await node.enqueue(hang, {})
  await started.promise
  const { promise: cameIn, keep: comeIn } = promised()
  intercept(node, (name, proceed) => {
    if (name === 'look-up-item') comeIn()
    return proceed()
  })
  const waiting = ask(`/queue-items/${id}/result?wait=1m`)
  await cameIn
  await node.stop()
  assert.equal((await waiting).status, 202)
})

test('readiness says what the database promises; a mounted node does not answer for services', async (t) => {
  const { node, ask } = await setup(t)
  const durability = testDatabase().kind === 'pglite' ? 'development' : 'durable'
  assert.deepEqual(await bodyOf(await ask('/readyz')), { status: 'ready', durability })
  const mounted = await node.fetch(new Request('http://localhost/services/hr/hire', { method: 'POST' }))
  assert.equal(mounted.status, 503)
})

/** A node that is mounted, and a way to ask it. */
async function setupMounted(t: TestContext, definition: AnyDefinition) {
  const node = await createNode({
    applications: [defineApplication({ name: 'hr', definitions: [definition] })],
    ...(await freshPlace()),
    nodeTypes: ['background'],
    auth: { apiKeys: true },
    log: false,
  })
  t.after(() => node.stop())
  const { key } = await node.apiKeys.create({ name: 'test' })
  const ask = (path: string, init: RequestInit = {}) =>
    node.fetch(
      new Request(`http://mounted.example${path}`, {
        ...init,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      }),
    )
  return { node, ask, post: (path: string) => ask(path, { method: 'POST', body: '{}' }) }
}

test('a node that is mounted answers those who wait when it stops', async (t) => {
  const idle = defineService({ name: 'idle', input: z.object({}), run: () => null })
  const { node, ask, post } = await setupMounted(t, idle)
  // never started: nobody runs it
  const { id } = (await (await post('/services/hr/idle')).json()) as { id: string }
  assert.equal((await ask(`/queue-items/${id}`)).status, 200)
  // whether they have begun to wait or not: they came before it stopped
  const waiting = Array.from({ length: 20 }, () => ask(`/queue-items/${id}/result?wait=1m`))
  await node.stop()
  const states = await Promise.all(waiting.map(async (answering) => (await answering).status))
  assert.deepEqual(new Set(states), new Set([202]))
})

test('a node that is mounted answers what it has begun before it stops', async (t) => {
  const started = promised()
  const held = promised()
  const slow = defineService({
    name: 'slow',
    input: z.object({}),
    execution: 'immediate',
    async run(_input, ctx) {
      started.keep()
      await held.promise
      ctx.atCommit((tx) => tx.query('select 1'))
      return 'done'
    },
  })
  const { node, post } = await setupMounted(t, slow)
  const answering = post('/services/hr/slow')
  await started.promise
  const stopping = node.stop().then(() => 'stopped')
  assert.equal(await Promise.race([stopping, pause(500, 'waits')]), 'waits')
  held.keep()
  assert.equal((await answering).status, 200)
  assert.equal(await stopping, 'stopped')
})
