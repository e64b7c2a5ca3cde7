import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import {
  type CallFailedError,
  createClient,
  QueuedRequestError,
  type Client,
  type ClientOptions,
  type ItemStatus,
} from '../../src/client/client.ts'
import { createNode, defineApplication, defineService, Problem, reply } from '../../src/index.ts'
import { freshPlace } from '../flows/setup.ts'
import { failed, serve } from './answers.ts'

function makeApp() {
  const gate = Promise.withResolvers<void>()
  const runs: string[] = []
  const now = defineService({
    name: 'now',
    input: z.object({ act: z.string() }),
    execution: 'immediate',
    http: { path: '/v1/now' },
    run: ({ act }) => {
      runs.push(act)
      if (act === 'problem')
        throw new Problem({
          status: 409,
          code: 'LOCKED',
          detail: 'It is locked',
          errors: [{ detail: 'x', pointer: '#/act' }],
        })
      return act === 'nothing' ? undefined : reply({ ran: runs.length }, { status: 201 })
    },
  })
  const later = defineService({
    name: 'later',
    input: z.object({ act: z.string() }),
    retry: { maxAttempts: 1 },
    run: async ({ act }, ctx) => {
      if (act === 'problem') throw new Problem({ status: 404, code: 'NOBODY', detail: 'Nobody' })
      if (act === 'wait') await gate.promise
      if (act === 'hang') await new Promise((_, reject) => ctx.signal.addEventListener('abort', reject))
      ctx.progress({ half: true })
      return { act, correlationId: ctx.context.correlationId }
    },
  })
  return { gate, runs, app: defineApplication({ name: 'hr', definitions: [now, later] }) }
}
type App = ReturnType<typeof makeApp>['app']

async function setup(t: TestContext, more: Partial<ClientOptions<App>> = {}) {
  const { app, gate, runs } = makeApp()
  const node = await createNode({
    applications: [app],
    ...(await freshPlace()),
    http: { port: 0, basePath: '/in' },
    log: false,
    stopTimeout: '1 second',
  })
  t.after(() => node.stop())
  await node.start()
  const client = createClient<App>({
    baseUrl: new URL('/in/', node.url),
    application: 'hr',
    paths: { now: '/v1/now' },
    ...more,
  })
  return { client, gate, runs, node }
}

test('a service that answers at once, with something or nothing', async (t) => {
  const { client } = await setup(t)
  assert.deepEqual(await client.call('now', { act: 'a' }), { ran: 1 })
  assert.equal(await client.call('now', { act: 'nothing' }), undefined)
})

test('an option that nobody knows is refused with the one that was probably meant', async (t) => {
  for (const [more, said] of [
    [{ timeuot: '1s' }, /unknown option "timeuot"; did you mean "timeout"\?/],
    [{ apiKey: 'ck_…' }, /unknown option "apiKey"; the options are baseUrl, application, token/],
  ] as const)
    assert.throws(() => createClient({ baseUrl: 'http://127.0.0.1:3000', application: 'hr', ...more }), {
      code: 'OPTION_INVALID',
      message: said,
    })
  assert.throws(() => createClient(undefined as never), { code: 'OPTION_INVALID', message: /undefined/ })
  const { client, runs } = await setup(t)
  const misspelt = { idempotencykey: 'one' } as object
  const refused = { code: 'OPTION_INVALID', message: /did you mean "idempotencyKey"\?/ }
  await assert.rejects(client.call('now', { act: 'a' }, misspelt), refused)
  await assert.rejects(client.callAndWait('now', { act: 'a' }, misspelt), refused)
  assert.deepEqual(runs, [])
})

test('what is queued is thrown with its ticket, which leads to the result', async (t) => {
  const { client } = await setup(t)
  const queued = await client
    .call('later', { act: 'a' }, { correlationId: 'c-1' })
    .catch((error: unknown) => error)
  assert.ok(queued instanceof QueuedRequestError)
  const result = await client.result(queued.queueItemId, { wait: '20s' })
  assert.deepEqual(result, { act: 'a', correlationId: 'c-1' })
  assert.equal((await client.item(queued.queueItemId))?.state, 'succeeded')
  await assert.rejects(client.call('now', { act: 'a' }, { respondAsync: true }), QueuedRequestError)
  assert.equal((await client.callAndWait('later', { act: 'b' })).act, 'b')
})

test('waiting ends with the ticket when the time is over', async (t) => {
  const { client, gate } = await setup(t)
  const began = performance.now()
  const waited = await client
    .callAndWait('later', { act: 'wait' }, { wait: '1.5s' })
    .catch((error: unknown) => error)
  assert.ok(waited instanceof QueuedRequestError)
  assert.ok(performance.now() - began >= 1_400)
  await assert.rejects(client.result(waited.queueItemId), QueuedRequestError)
  gate.resolve()
  assert.equal(((await client.result(waited.queueItemId, { wait: '20s' })) as { act: string }).act, 'wait')
})

test('a problem is thrown with its code, whether it came at once or later', async (t) => {
  const { client } = await setup(t)
  await assert.rejects(client.call('now', { act: 'problem' }), (error) => {
    assert.ok(failed('LOCKED', 409)(error))
    assert.deepEqual((error as CallFailedError).errors, [{ detail: 'x', pointer: '#/act' }])
    assert.equal((error as Error).message, 'It is locked')
    return true
  })
  await assert.rejects(client.callAndWait('later', { act: 'problem' }), (error: CallFailedError) => {
    // The ticket is not lost: what became of the item can be looked up.
    assert.match(error.queueItemId ?? '', /^[0-9a-f-]{36}$/)
    return failed('NOBODY', 404)(error)
  })
  await assert.rejects(client.call('now', { act: 1 as never }), failed('PAYLOAD_INVALID', 422))
  await assert.rejects(client.result('17'), failed('ITEM_ID_INVALID', 404))
  assert.equal(await client.item('0199f3a1-7c00-8001-8001-5f3c9a2b1000'), undefined)
})

test('an item is followed to its end, and cancelled', async (t) => {
  const { client } = await setup(t)
  const queued = await client.call('later', { act: 'hang' }).catch((error: unknown) => error)
  assert.ok(queued instanceof QueuedRequestError)
  const seen: ItemStatus['state'][] = []
  for await (const status of client.events(queued.queueItemId)) {
    seen.push(status.state)
    // Running shows after a second.
    if (status.state === 'running') assert.equal(await client.cancel(queued.queueItemId), 'requested')
  }
  assert.deepEqual([seen[0], seen.at(-1)], ['ready', 'cancelled'])
  await assert.rejects(client.result(queued.queueItemId), failed('ITEM_CANCELLED', 409))
  assert.equal(await client.cancel(queued.queueItemId), 'cancelled')
})

test('a request with a key is sent again until it is answered; one without is not', async (t) => {
  const { requests, baseUrl } = await serve(
    t,
    (request) => request.socket.destroy(),
    (_, response) => response.writeHead(503, { 'retry-after': '0' }).end(),
    (_, response) =>
      response
        .writeHead(409, { 'content-type': 'application/problem+json', 'retry-after': '0' })
        .end(JSON.stringify({ code: 'IDEMPOTENCY_KEY_IN_USE' })),
    (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ran":1}'),
  )
  const client = createClient<App>({ baseUrl, application: 'hr', token: () => 'secret' })
  assert.deepEqual(await client.call('now', { act: 'a' }, { idempotencyKey: 'a "b" \\' }), { ran: 1 })
  assert.deepEqual(
    requests.map(({ headers }) => [headers['idempotency-key'], headers['authorization']]),
    Array.from({ length: 4 }, () => ['"a \\"b\\" \\\\"', 'Bearer secret']),
  )
  const other = await serve(t, (request) => request.socket.destroy())
  const bare = createClient<App>({ baseUrl: other.baseUrl, application: 'hr' })
  await assert.rejects(bare.call('now', { act: 'a' }), failed('CONNECTION_FAILED'))
  assert.equal(other.requests.length, 1)
})

test('what is no problem document is told by its status; redirects and silence are errors', async (t) => {
  const { baseUrl } = await serve(
    t,
    (_, response) => response.writeHead(418, { 'content-type': 'text/html' }).end('<h1>secret'),
    (_, response) => response.writeHead(302, { location: 'https://example.com' }).end(),
    () => {},
  )
  const client = createClient<App>({ baseUrl, application: 'hr', timeout: 300, retries: 0 })
  await assert.rejects(client.call('now', { act: 'a' }), failed('HTTP_418', 418))
  await assert.rejects(client.call('now', { act: 'a' }), failed('CONNECTION_FAILED'))
  await assert.rejects(client.call('now', { act: 'a' }), failed('TIMEOUT'))
  const mine = new AbortController()
  const aborted = client.call('now', { act: 'a' }, { signal: mine.signal })
  mine.abort(new Error('mine'))
  await assert.rejects(aborted, /mine/)
})

const ticket: RequestListener = (_, response) =>
  response
    .writeHead(202, {
      'content-type': 'application/json',
      location: '/queue-items/x',
      'retry-after': '1',
    })
    .end('{"id":"x"}')

test('a wait that a stopping node cuts short goes on, after as long as the node says', async (t) => {
  const waitFor = async (ask: (client: Client<App>) => Promise<unknown>): Promise<void> => {
    const { requests, baseUrl } = await serve(t, ticket, ticket, (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ran":1}'),
    )
    const began = performance.now()
    assert.deepEqual(await ask(createClient<App>({ baseUrl, application: 'hr' })), { ran: 1 })
    assert.ok(performance.now() - began >= 990)
    assert.equal(requests.length, 3)
  }
  await Promise.all([
    waitFor((client) => client.result('x', { wait: '30s' })),
    waitFor((client) => client.result('x', { wait: '5 minutes' })),
    waitFor((client) => client.callAndWait('now', { act: 'a' }, { wait: '30s' })),
    waitFor((client) => client.callAndWait('now', { act: 'a' }, { wait: '5 minutes' })),
  ])
})

test('a wait that is cut short again and again ends when its time is over, or with its signal', async (t) => {
  const { requests, baseUrl } = await serve(t, ticket)
  const client = createClient<App>({ baseUrl, application: 'hr' })
  const began = performance.now()
  await assert.rejects(client.result('x', { wait: '1.5s' }), QueuedRequestError)
  assert.ok(performance.now() - began >= 1_490)
  // at once, after a second, and a last time
  assert.equal(requests.length, 3)
  const mine = new AbortController()
  const waited = client.result('x', { wait: '5 minutes', signal: mine.signal })
  setTimeout(() => mine.abort(new Error('mine')), 200)
  await assert.rejects(waited, /mine/)
  assert.equal(requests.length, 4)
})

test('an answer that breaks off or falls silent is told as such, and asked for again where that is safe', async (t) => {
  const half: RequestListener = (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).write('{"ran"')
  const { requests, baseUrl } = await serve(
    t,
    (request, response) => {
      half(request, response)
      setTimeout(() => response.destroy(), 50)
    },
    half,
    (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ran"'),
    (_, response) => {
      // Much to say takes longer than the timeout, and is no silence.
      response.writeHead(200, { 'content-type': 'application/json' })
      for (const [at, piece] of ['{"r', 'an', '":', '1}'].entries())
        setTimeout(() => (at < 3 ? response.write(piece) : response.end(piece)), 200 * at)
    },
  )
  const client = createClient<App>({ baseUrl, application: 'hr', timeout: 400, retries: 0 })
  const call = () => client.call('now', { act: 'a' })
  await assert.rejects(
    call(),
    (error: Error) => failed('CONNECTION_FAILED')(error) && /broke off/.test(error.message),
  )
  await assert.rejects(
    call(),
    (error: Error) => failed('TIMEOUT')(error) && /nothing more for 400 ms/.test(error.message),
  )
  await assert.rejects(call(), failed('HTTP_200', 200))
  assert.deepEqual(await call(), { ran: 1 })
  const again = await serve(
    t,
    (request, response) => {
      half(request, response)
      response.destroy()
    },
    (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ran":2}'),
  )
  const patient = createClient<App>({ baseUrl: again.baseUrl, application: 'hr' })
  assert.deepEqual(await patient.call('now', { act: 'a' }, { idempotencyKey: 'k' }), { ran: 2 })
  assert.equal(requests.length, 4)
})

test('headers of the client, of the token and of the call are one each, whatever the case of their names', async (t) => {
  const { requests, baseUrl } = await serve(t, (_, response) => response.writeHead(204).end())
  const headers = { Authorization: 'Basic eA==', 'X-Correlation-ID': 'usual', 'X-Tenant': 'b' }
  const client = createClient<App>({ baseUrl, application: 'hr', token: 'secret', headers })
  await client.call('now', { act: 'a' }, { correlationId: 'mine', callbackUrl: 'https://bücher.example/ö' })
  assert.deepEqual(
    ['authorization', 'x-correlation-id', 'x-tenant', 'callback-url'].map(
      (name) => requests[0]?.headers[name],
    ),
    ['Bearer secret', 'mine', 'b', 'https://xn--bcher-kva.example/%C3%B6'],
  )
})

test('what cannot be sent is refused before it is, by name', async (t) => {
  const { requests, baseUrl } = await serve(t, (_, response) => response.writeHead(204).end())
  const client = createClient<App>({ baseUrl, application: 'hr' })
  for (const [options, message] of [
    [{ idempotencyKey: 'prüfung' }, /idempotencyKey is "prüfung"; give 1 to 255 visible ASCII/],
    [{ idempotencyKey: '' }, /idempotencyKey is ""/],
    [{ idempotencyKey: 'x'.repeat(256) }, /idempotencyKey/],
    [{ correlationId: 'a\nb' }, /correlationId is "a\\nb"; give 1 to 200/],
    [{ callbackUrl: '/outcomes' }, /callbackUrl is "\/outcomes"; give where to post the outcome/],
  ] as const)
    await assert.rejects(client.call('now', { act: 'a' }, options), { code: 'OPTION_INVALID', message })
  const circle: { act: string; circle?: unknown } = { act: 'a' }
  circle.circle = circle
  for (const input of [circle, { act: 1n }, () => {}, undefined])
    await assert.rejects(client.call('now', input as never), {
      code: 'PAYLOAD_NOT_JSON',
      message: /input of now .* cannot be written as JSON/,
    })
  const tokens = createClient<App>({ baseUrl, application: 'hr', token: () => 'geheim\n' })
  await assert.rejects(tokens.call('now', { act: 'a' }), ({ code, message }: CallFailedError) => {
    assert.doesNotMatch(message, /geheim/)
    return code === 'OPTION_INVALID' && message.startsWith('token is what no header can carry')
  })
  assert.equal(requests.length, 0)
})

test('options that cannot be used are refused when the client is made', () => {
  for (const [options, message] of [
    [{ timeout: 0 }, /timeout is 0; give 1 ms to 1 hour/],
    [{ timeout: '2 hours' }, /timeout is "2 hours"; give 1 ms to 1 hour/],
    [{ application: '' }, /application is ""; give the name of the application/],
    [{ headers: { 'x y': 'a' } }, /headers has "x y", which is no name of a header/],
    [{ headers: { 'x-tenant': 'ä' } }, /headers\["x-tenant"\] is "ä"; give 1 to 8000 visible ASCII/],
    [{ token: 'a\nb' }, /token is what no header can carry/],
    [{ baseUrl: 'hr.example.com' }, /baseUrl is "hr.example.com"; give where the node answers/],
    [{ baseUrl: 'http://a/?b' }, /baseUrl/],
    [{ retries: 11 }, /retries is 11; give a whole number from 0 to 10/],
    [{ timeout: 'soon' }, /timeout is "soon"/],
  ] as const)
    assert.throws(() => createClient<App>({ baseUrl: 'http://a', application: 'hr', ...options }), message)
})

test('an error tells how long to wait, also where the answer has a date', async (t) => {
  const { baseUrl } = await serve(t, (_, response) =>
    response.writeHead(503, { 'retry-after': new Date(Date.now() + 20_000).toUTCString() }).end(),
  )
  const client = createClient<App>({ baseUrl, application: 'hr' })
  await assert.rejects(client.call('now', { act: 'a' }), ({ retryAfterMs = 0 }: CallFailedError) => {
    assert.ok(retryAfterMs > 10_000 && retryAfterMs <= 20_000)
    return true
  })
})

test('a service may have the name of what every object has', async () => {
  const asked: string[] = []
  const named = defineService({ name: 'constructor', input: z.object({}), run: () => null })
  const app = defineApplication({ name: 'hr', definitions: [named] })
  const client = createClient<typeof app>({
    baseUrl: 'http://127.0.0.1:1',
    application: 'hr',
    fetch: (input) => {
      asked.push(String(input))
      return Promise.resolve(Response.json({}))
    },
  })
  await client.call('constructor', {})
  assert.deepEqual(asked, ['http://127.0.0.1:1/services/hr/constructor'])
})
