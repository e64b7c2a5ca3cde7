import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { freshDatabase, testDatabase } from '../databases.ts'
import { mountingSuite } from './mounting.suite.ts'

const main = join(import.meta.dirname, '..', '..', 'examples', 'mount-hono', 'main.ts')

test('a node mounted in Hono answers below its path, to who has a key', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-mount-hono-'))
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  const isEmbedded = testDatabase().kind === 'pglite'
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      DATABASE_URL: isEmbedded ? '' : await freshDatabase(),
      DIRECTORY: directory,
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  after(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const [, key] = /Bearer (\S+)'/.exec(line) ?? []
  const url = line.split(' ').at(-1) ?? ''
  assert.ok(key)
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
