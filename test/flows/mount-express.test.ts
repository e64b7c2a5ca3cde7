import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import express, { type Express, type Request } from 'express'
import { z } from 'zod'
import { defineService, type Node } from '../../src/index.ts'
import { mountingSuite } from './mounting.suite.ts'
import { setup } from './setup.ts'
import { startExample } from './start-example.ts'

test('the example answers below its path, to who has a key', async () => {
  const { child, key, url } = await startExample('mount-express')
  const authorization = `Bearer ${key}`
  const post = (to: string, headers: Record<string, string> = {}) =>
    fetch(to, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"employeeId":"42"}',
    })

  const queued = await post(url, { authorization })
  assert.equal(queued.status, 202)
  const path = queued.headers.get('location') ?? ''
  assert.match(path, /^\/integration\/queue-items\/[0-9a-f-]{36}$/)
  const result = await fetch(new URL(`${path}/result?wait=20s`, url), { headers: { authorization } })
  assert.deepEqual(await result.json(), { account: 'a-42', hiredBy: 'example' })
  assert.equal((await post(url)).status, 401)
  assert.deepEqual(await (await post(new URL('/echo', url).href)).json(), { employeeId: '42' })

  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

const listenerOf = (node: Node) =>
  getRequestListener((request) => node.fetch(request), { overrideGlobalObjects: false })

async function listen(app: Express) {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

mountingSuite('Express', (node) => {
  const app = express()
  app.all('/integration{/*path}', listenerOf(node))
  app.use(express.json())
  app.post('/echo', (request, response) => void response.json(request.body))
  return listen(app)
})

/** A node behind a body parser. */
async function behind(t: TestContext, parser: express.RequestHandler) {
  const greet = defineService({
    name: 'greet',
    input: z.object({ name: z.string() }),
    execution: 'immediate',
    run: ({ name }) => ({ greeting: `Hello ${name}` }),
  })
  const node = await setup(t, [greet], {
    http: { basePath: '/integration' },
    nodeTypes: ['background'],
    auth: { anonymous: { services: ['flows/greet'] } },
  })
  const app = express()
  app.use(parser)
  app.all('/integration{/*path}', listenerOf(node))
  const server = await listen(app)
  t.after(() => server.close())
  return (body: string) =>
    fetch(`${server.url}/integration/services/flows/greet`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
}

test('behind express.json() the node finds no body, and says so', { timeout: 60_000 }, async (t) => {
  const post = await behind(t, express.json())
  const answer = await post('{"name":"Ada"}')
  assert.equal(answer.status, 400)
  assert.match(await answer.text(), /"detail":"the body for greet is empty;.*"code":"MALFORMED_JSON"/)
})

test('behind express.json() that keeps the raw body the node finds it', { timeout: 60_000 }, async (t) => {
  const keepRawBody = express.json({
    verify: (request, _response, body) => void ((request as Request & { rawBody?: Buffer }).rawBody = body),
  })
  const post = await behind(t, keepRawBody)
  const answer = await post('{"name":"Ada"}')
  assert.deepEqual([answer.status, await answer.json()], [200, { greeting: 'Hello Ada' }])
})
