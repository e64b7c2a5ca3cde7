import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { mountingSuite } from './mounting.suite.ts'
import { startExample } from './start-example.ts'

test('a node mounted in Hono answers below its path, to who has a key', async () => {
  const { child, key, url } = await startExample('mount-hono')
  const post = (headers: Record<string, string>) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=20', ...headers },
      body: '{"employeeId":"42"}',
    })

  const answer = await post({ authorization: `Bearer ${key}` })
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), { account: 'a-42', hiredBy: 'example' })
  const path = answer.headers.get('content-location') ?? ''
  assert.match(path, /^\/integration\/queue-items\/[0-9a-f-]{36}\/result$/)
  const again = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${key}` } })
  assert.deepEqual(await again.json(), { account: 'a-42', hiredBy: 'example' })

  const refused = await post({})
  assert.deepEqual([refused.status, refused.headers.get('content-type')], [401, 'application/problem+json'])
  assert.equal(await (await fetch(new URL('/', url))).text(), 'Your own routes.\n')
  assert.equal((await fetch(new URL('/integration/healthz', url))).status, 200)
  assert.equal((await fetch(new URL('/queue-items/x', url))).status, 404)

  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

mountingSuite('Hono', async (node) => {
  const app = new Hono()
  app.all('/integration/*', (c) => node.fetch(c.req.raw))
  app.post('/echo', async (c) => c.json(await c.req.json()))
  const server = createAdaptorServer({ fetch: app.fetch })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
})
