import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { secret, setupCallbacks } from './callback-setup.ts'

const guide = readFileSync(new URL('../../docs/guide/callbacks.md', import.meta.url), 'utf8')

test('the receiver of the guide takes what a node sends, once, and nothing else', async (t) => {
  const [, source = ''] = /```js\n([\s\S]*?)```/.exec(guide) ?? []
  const port = await freePort()
  const index = new URL('../../src/index.ts', import.meta.url).href
  const script = source.replace(`'coatcheck'`, JSON.stringify(index)).replace('4000', String(port))
  assert.notEqual(script, source)
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-receiver-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'receiver.mjs')
  writeFileSync(file, `${script}console.log('listening')\n`)
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, CALLBACK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'listening')

  const node = await setupCallbacks(t)
  const url = `http://127.0.0.1:${port}/hired`
  const id = await node.queue('work', { act: 'well' }, url)
  assert.equal((await lines.next()).value, `queue-item.succeeded ${id} { done: 'well' }`)
  await node.drain()
  const [callback] = await node.callbacks()
  assert.deepEqual(callback?.result && { ...callback.result, durationMs: 0 }, { status: 204, durationMs: 0 })
  const forged = await fetch(url, {
    method: 'POST',
    headers: {
      'webhook-id': 'x',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': 'v1,AAAA',
    },
    body: '{}',
  })
  assert.equal(forged.status, 400)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
