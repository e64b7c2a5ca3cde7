import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { Json } from './browser.ts'
import { setupOperate } from './setup.ts'

test('what does not fit is told with where it is, all at once', async (t) => {
  const { signedIn } = await setupOperate(t)
  const browser = await signedIn()
  const body = await browser.json('POST', '/users', { nme: 'ada', role: 'root' }, 422)
  assert.equal(body['code'], 'REQUEST_INVALID')
  const errors = body['errors'] as Json[]
  assert.deepEqual(new Set(errors.map(({ pointer }) => pointer)), new Set(['#/name', '#/nme', '#/role']))
  assert.equal(errors.length, 3)
  assert.match(String(errors.find(({ pointer }) => pointer === '#/nme')?.['detail']), /did you mean name\?/)
  const query = await browser.json('GET', '/audit?limit=0&operater=x', undefined, 422)
  assert.match(String(query['detail']), /did you mean operator\?/)
  assert.deepEqual(
    (query['errors'] as Json[]).map(({ pointer }) => pointer),
    ['#/operater', '#/limit'],
  )
  await browser.json('GET', '/users?cursor=nonsense', undefined, 422)
  await browser.json('GET', '/audit?cursor=WyIxIiwieCJd', undefined, 422)
  await browser.json('GET', '/audit?operator=%00', undefined, 422)
  assert.equal((await browser.ask('POST', '/users', undefined)).status, 422, 'no body is an empty object')
})

test('what the database could not hold is refused', async (t) => {
  const { signedIn } = await setupOperate(t)
  const browser = await signedIn()
  for (const path of ['/audit?from=', '/audit?to=', '/items?from=', '/items?to=']) {
    for (const time of ['%2B275760-01-01T00:00:00Z', '-100000-01-01T00:00:00Z', '1969-12-31', 'soon'])
      await browser.json('GET', path + time, undefined, 422)
    await browser.json('GET', `${path}2026-01-01T00:00:00%2B01:00`)
  }
  for (const time of [null, 0, '+200000-01-01T00:00:00Z'])
    await browser.json(
      'POST',
      '/items/0199f3a1-7c00-8001-8001-5f3c9a2b1000/acts',
      { act: 'defer', until: time },
      422,
    )
  for (const [method, path, body, status] of [
    ['DELETE', '/sessions/%00', {}, 404],
    ['PUT', '/users/%00', { isDisabled: true }, 404],
    ['DELETE', '/api-keys/%00', {}, 404],
    ['POST', '/queues/%00/state', { state: 'paused' }, 404],
    ['PUT', '/queues/%00/concurrency', { perNode: 1 }, 404],
    ['PUT', '/queues/%00/partitions', { partitions: 1 }, 404],
    ['GET', '/queues/%00', undefined, 404],
    ['GET', '/items/%00', undefined, 404],
    ['POST', '/items/%00/acts', { act: 'cancel' }, 404],
    ['GET', '/sign-in/issuers/%00', undefined, 404],
  ] as const)
    await browser.json(method, path, body, status)
})

test('a body is JSON, whole, and of 1 MB at most', async (t) => {
  const { signedIn } = await setupOperate(t)
  const browser = await signedIn()
  const send = (body: string) =>
    fetch(new URL('/operate/users', browser.url), {
      method: 'POST',
      headers: {
        cookie: browser.cookie ?? '',
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/json',
      },
      body,
    })
  assert.equal((await send('{"name":')).status, 400)
  assert.equal((await send(`{"name":"${'a'.repeat(1_000_001)}"}`)).status, 413)
  assert.equal((await send('[]')).status, 422)
  assert.equal((await send('{"name":"a\\u0000"}')).status, 422)
  assert.equal((await send('{"__proto__":{"role":"administrator"},"name":"eve"}')).status, 422)
})

test('HEAD is answered as GET without its body, and other methods with what can be used', async (t) => {
  const { signedIn } = await setupOperate(t)
  const browser = await signedIn()
  const head = await browser.ask('HEAD', '/session')
  assert.equal(head.status, 200)
  assert.equal(await head.text(), '')
  const answer = await browser.ask('PATCH', '/users')
  assert.equal(answer.status, 405)
  assert.equal(answer.headers.get('allow'), 'GET, HEAD, POST')
  assert.equal((await browser.ask('GET', '/nowhere')).status, 404)
})

test('every answer can be followed, and says to nobody that it may be kept', async (t) => {
  const { signedIn } = await setupOperate(t)
  const answer = await (await signedIn()).ask('GET', '/session', undefined, { 'x-request-id': 'r-1' })
  assert.equal(answer.headers.get('x-request-id'), 'r-1')
  assert.equal(answer.headers.get('x-correlation-id'), 'r-1')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
})

test('the description is valid OpenAPI 3.1, and stands below the base path', async (t) => {
  const { node } = await setupOperate(t, { http: { port: 0, basePath: '/in/' } })
  const { key } = await node.apiKeys.create({ name: 'x', roles: ['observer'] })
  const headers = { authorization: `Bearer ${key}` }
  const answer = await fetch(new URL('/in/operate/openapi.json', node.url), { headers })
  assert.equal(answer.status, 200)
  const document = (await answer.json()) as Json
  assert.deepEqual(document['servers'], [{ url: '/in/operate' }])
  assert.deepEqual(await new Validator().validate(structuredClone(document)), { valid: true })
  const paths = document['paths'] as Record<
    string,
    Record<string, { operationId: string; parameters?: Json[] }>
  >
  const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId))
  assert.equal(new Set(ids).size, ids.length)
  assert.deepEqual(
    paths['/users/{name}']?.['put']?.parameters?.map((one) => one['name']),
    ['name'],
  )
  assert.ok(
    paths['/audit']?.['get']?.parameters?.some((one) => one['name'] === 'cursor' && one['in'] === 'query'),
  )
})
