import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { CoatcheckError } from '../../../src/base/errors.ts'
import { setupDoor } from '../door-setup.ts'
import { inlined, type Json } from '../inlined.ts'
import { setupNode } from './setup.ts'

const { node, ask, post, waiting, later } = setupNode()

interface Described {
  readonly responses: Record<string, { content?: Record<string, { schema: Json }>; headers?: Json }>
}

type Paths = Record<string, Record<string, Described>>
let described: Promise<Paths> | undefined

const readPaths = (): Promise<Paths> =>
  (described ??= ask('/openapi.json').then(async (answer) => {
    const document = (await answer.json()) as Json
    return inlined(document['paths'], document) as Paths
  }))

const never = 'ffff8e7b-f5bd-8001-8001-5f3c9a2b1000'
const old = '00000001-7c00-8001-8001-5f3c9a2b1000'
const away = new CoatcheckError('DATABASE_UNREACHABLE', 'away', { retryAfterMs: 1_000 })

/** The path of an item that has ended, or of one that runs. */
async function itemOf(act: string): Promise<string> {
  const count = waiting()
  const path = (await post('later', { act })).headers.get('location') ?? ''
  if (act === 'wait') while (waiting() === count) await new Promise(setImmediate)
  else await ask(`${path}?wait=20s`)
  return path
}

/** What a node answers whose database is away, or that fails otherwise. */
async function whileAway(path: string, init: RequestInit = {}, failure: Error = away): Promise<Response> {
  const { ask: askDoor, road } = setupDoor()
  road.failure = failure
  return askDoor(path, init)
}

const crossSite = { headers: { 'sec-fetch-site': 'cross-site' } }
const cancel = { method: 'DELETE' }
const hire = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"employeeId":"42"}' }
const own = (service: string): Record<string, () => Promise<Response>> => ({
  '200': () => post(service, {}, { prefer: 'wait=20', 'idempotency-key': 'openapi' }),
  '400': () => post(service, '{'),
  '403': () => post(service, {}, crossSite.headers),
  '409': () => post(service, { act: 'problem' }, { prefer: 'wait=20', 'idempotency-key': 'problem' }),
  '413': () => post(service, `"${'a'.repeat(2_000_000)}"`, { 'idempotency-key': 'large' }),
  '415': () => post(service, {}, { 'content-type': 'text/plain', 'idempotency-key': 'text' }),
  '422': () => post(service, { act: 1 }, { 'idempotency-key': 'fit' }),
  '503': () => whileAway('/services/hr/hire-worker', hire),
})
const ofItem = (suffix: string, init: RequestInit = {}): Record<string, () => Promise<Response>> => ({
  '403': () => ask(`/queue-items/${never}${suffix}`, { ...init, ...crossSite }),
  '404': () => ask(`/queue-items/${never}${suffix}`, init),
  '410': () => ask(`/queue-items/${old}${suffix}`, init),
  '503': () => whileAway(`/queue-items/${never}${suffix}`, init),
  default: () => whileAway(`/queue-items/${never}${suffix}`, init, new Error('wrong')),
})

const waitInvalid = (suffix: string) => ({
  '422': () => ask(`/queue-items/${never}${suffix}?wait=soon`),
})

/** How each status of each operation comes about. */
const causes: Record<string, Record<string, () => Promise<Response>>> = {
  'post /services/hr/now': {
    ...own('now'),
    '202': () => post('now', {}, { prefer: 'respond-async' }),
    default: () => post('now', { act: 'fail' }),
  },
  'post /services/hr/later': {
    ...own('later'),
    '202': () => post('later', {}),
    default: () => post('later', { act: 'fail' }, { prefer: 'wait=20' }),
  },
  'post /services/hr/strict': {
    ...own('strict'),
    default: () => post('strict', { act: 'fail' }, { 'idempotency-key': 'fails' }),
  },
  'get /queue-items/{id}': {
    ...ofItem(''),
    ...waitInvalid(''),
    '200': async () => ask(await itemOf('fail')),
  },
  'delete /queue-items/{id}': {
    ...ofItem('', cancel),
    '202': async () => ask(await itemOf('wait'), cancel),
    '204': async () => ask(`/queue-items/${await node().enqueue(later, {}, { delay: '1 hour' })}`, cancel),
    '409': async () => ask(await itemOf('created'), cancel),
  },
  'get /queue-items/{id}/result': {
    ...ofItem('/result'),
    ...waitInvalid('/result'),
    '200': async () => ask(`${await itemOf('echo')}/result`),
    '202': async () => {
      const path = await itemOf('wait')
      const answer = await ask(`${path}/result`)
      await ask(path, cancel)
      return answer
    },
    '409': async () => {
      const path = await itemOf('wait')
      await ask(path, cancel)
      return ask(`${path}/result?wait=20s`)
    },
    default: async () => ask(`${await itemOf('fail')}/result`),
  },
  'get /queue-items/{id}/events': {
    ...ofItem('/events'),
    '200': async () => ask(`${await itemOf('created')}/events`),
    '204': async () =>
      ask(`${await itemOf('created')}/events`, { headers: { 'last-event-id': 'succeeded-1' } }),
  },
  'get /healthz': { '200': () => ask('/healthz') },
  'get /readyz': { '200': () => ask('/readyz'), '503': () => whileAway('/readyz') },
}

test('each operation that is described has its cases, and each case an operation', async () => {
  const operations = Object.entries(await readPaths()).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  // of the same making as `now` and `later`
  const alike = new Set(['post /services/hr/echo', 'post /services/hr/keep'])
  assert.deepEqual(new Set(operations.filter((each) => !alike.has(each))), new Set(Object.keys(causes)))
})

for (const [operation, statuses] of Object.entries(causes))
  test(`${operation} answers what /openapi.json says of it, and all of that`, async () => {
    const [method = '', path = ''] = operation.split(' ')
    const { responses } = (await readPaths())[path]![method]!
    assert.deepEqual(new Set(Object.keys(statuses)), new Set(Object.keys(responses)))
    for (const [status, cause] of Object.entries(statuses)) {
      const answer = await cause()
      if (status !== 'default') assert.equal(String(answer.status), status, await answer.clone().text())
      else assert.ok(answer.status >= 400 && !(answer.status in responses), String(answer.status))
      await checkContent(answer, responses[status]!.content)
      for (const name of Object.keys(responses[status]!.headers ?? {}))
        if (name === 'Retry-After' && ['202', '503'].includes(status))
          assert.match(answer.headers.get(name) ?? '', /^\d+$/)
    }
  })

async function checkContent(answer: Response, content: Record<string, { schema: Json }> | undefined) {
  const text = await answer.text()
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  if (!content) return assert.equal(text === '' || type === 'application/json', true)
  assert.ok(type in content, `${type} is none of ${Object.keys(content).join()}`)
  if (type === 'text/event-stream') return
  const fits = z.fromJSONSchema(content[type]!.schema as Parameters<typeof z.fromJSONSchema>[0])
  assert.deepEqual(fits.safeParse(JSON.parse(text)).error?.issues ?? [], [], text)
}
