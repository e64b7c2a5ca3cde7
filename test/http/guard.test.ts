import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, setupDoor } from './door-setup.ts'

/** Status and code of `GET /` asked with these headers. */
async function ask(headers: Record<string, string>, url = 'http://localhost:3000/') {
  const { door } = setupDoor()
  const answer = await door.fetch(new Request(url, { headers }), { loopback: true })
  return [answer.status, (await bodyOf(answer))['code']]
}

test('this machine may ask under its own names, on any port', async () => {
  for (const host of ['localhost', 'localhost:3000', '127.0.0.1:8080', '[::1]:3000', 'LOCALHOST'])
    assert.equal((await ask({ host }))[0], 200, host)
})

test('another Host is refused, also where it only looks like ours', async () => {
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.nip.io:3000',
    '10.0.0.7',
    'localhost:3000@evil.example',
    '[::2]',
  ])
    assert.deepEqual(await ask({ host }), [403, 'HOST_REFUSED'], host)
})

test('a request line in absolute form must name this machine too', async () => {
  assert.deepEqual(await ask({ host: 'localhost:3000' }, 'http://evil.example/'), [403, 'HOST_REFUSED'])
})

test('a page of another site is refused', async () => {
  const host = 'localhost:3000'
  assert.deepEqual(await ask({ host, 'sec-fetch-site': 'cross-site' }), [403, 'CROSS_SITE_REFUSED'])
  for (const origin of [
    'https://evil.example',
    'http://localhost:5173',
    'https://localhost:3000',
    'null',
    'http://127.0.0.1:3000',
  ])
    assert.deepEqual(await ask({ host, origin }), [403, 'CROSS_SITE_REFUSED'], origin)
  for (const headers of [
    { origin: 'http://localhost:3000' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ])
    assert.equal((await ask({ host, ...(headers as Record<string, string>) }))[0], 200)
})

test('a refused request leaves nothing behind', async () => {
  const { door, road } = setupDoor()
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
    body: '{"employeeId":"42"}',
  }
  const answer = await door.fetch(new Request('http://localhost/services/hr/hire-worker', init), {
    loopback: true,
  })
  assert.equal(answer.status, 403)
  assert.equal(answer.headers.get('access-control-allow-origin'), null)
  assert.equal(road.items.size, 0)
})

test('a mounted door answers 503 with the reason, but says that it lives', async () => {
  const { door } = setupDoor()
  const answer = await door.fetch(new Request('http://localhost/services/hr/hire-worker', { method: 'POST' }))
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), null)
  const body = await bodyOf(answer)
  assert.equal(body['code'], 'AUTH_REQUIRED')
  assert.match(String(body['detail']), /the node has no auth/)
  assert.equal((await door.fetch(new Request('http://10.0.0.7/healthz'))).status, 200)
  assert.equal((await door.fetch(new Request('http://10.0.0.7/readyz'))).status, 200)
})

test('in production nothing answers without auth', async () => {
  const { ask: request } = setupDoor({ environment: 'production' })
  for (const path of ['/', '/services/hr/hire-worker', '/queue-items/0199f3a1-7c00-8001-8001-5f3c9a2b1000']) {
    const answer = await request(path)
    assert.equal(answer.status, 503)
    assert.match(String((await bodyOf(answer))['detail']), /NODE_ENV is production/)
  }
})
