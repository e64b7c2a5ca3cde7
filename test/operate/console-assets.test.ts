import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createConsoleDoor } from '../../src/operate/console-assets.ts'
import { setupDoor } from '../http/door-setup.ts'

const page = `<!doctype html><html><head><meta name="base-path" content="">
<script type="module" src="./assets/index-BxY3a9_Q.js"></script><link rel="stylesheet" href="/console/assets/a-12345678.css">
<a href="https://example.com/console/">x</a></head></html>`

const large = 'export const nothing = undefined\n'.repeat(40)

async function setupConsole(t: TestContext, basePath = '') {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-console-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'built', 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'secret')
  await writeFile(join(folder, 'built', 'index.html'), page)
  await writeFile(join(folder, 'built', 'assets', 'favicon.svg'), '<svg/>')
  await writeFile(join(folder, 'built', 'assets', 'notes.exe'), 'x')
  await writeFile(join(folder, 'built', 'assets', '.hidden.txt'), 'secret')
  await writeFile(join(folder, 'built', 'assets', 'index-BxY3a9_Q.js'), 'export {}')
  await writeFile(join(folder, 'built', 'assets', 'large-BxY3a9_Q.js'), large)
  const folders = [join(folder, 'nowhere'), join(folder, 'built')]
  const doors = [createConsoleDoor({ basePath, isLocalOnly: true, folders })]
  return setupDoor({ doors, basePath })
}

test('every address of the console is its page, which knows the base path', async (t) => {
  const { ask } = await setupConsole(t, '/in')
  for (const path of [
    '',
    '/',
    '/items',
    '/items/0199f3a1-7c00',
    '/index.html',
    '/queues/coatcheck.callback',
  ]) {
    const answer = await ask(`/in/console${path}`)
    assert.equal(answer.status, 200, path)
    assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    const text = await answer.text()
    assert.match(text, /<meta name="base-path" content="\/in">/)
    assert.match(text, /src="\/in\/console\/assets\/index-BxY3a9_Q\.js"/)
    assert.match(text, /href="\/in\/console\/assets\/a-12345678\.css"/)
    assert.match(text, /href="https:\/\/example\.com\/console\/"/)
  }
  assert.equal((await ask('/in/consoles')).status, 404)
})

test('the console may load its own files and nothing else, and nobody frames it', async (t) => {
  const { ask } = await setupConsole(t)
  const { headers } = await ask('/console')
  assert.equal(
    headers.get('content-security-policy'),
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  )
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
  assert.equal(headers.get('referrer-policy'), 'no-referrer')
})

test('files with a hash in their name are kept for good, others are asked for again', async (t) => {
  const { ask } = await setupConsole(t)
  const script = await ask('/console/assets/index-BxY3a9_Q.js')
  assert.equal(await script.text(), 'export {}')
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8')
  assert.equal(script.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  const icon = await ask('/console/assets/favicon.svg')
  assert.equal(icon.headers.get('content-type'), 'image/svg+xml')
  assert.equal(icon.headers.get('cache-control'), 'no-cache')
  assert.equal((await ask('/console', { method: 'POST' })).status, 405)
})

test('nothing but the built files is served', async (t) => {
  const { ask } = await setupConsole(t)
  for (const path of [
    '/assets/nothing.js',
    '/assets/',
    '/assets/.hidden.txt',
    '/assets/notes.exe',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/..%2findex.html',
    '/assets/..%5csecret.txt',
    '/assets/%00.js',
    '/assets/index-BxY3a9_Q.js/x.js',
    '/assets//etc/passwd.txt',
    `/assets/${'a'.repeat(300)}.js`,
  ]) {
    const answer = await ask(`/console${path}`)
    assert.equal(answer.status, 404, path)
    await answer.arrayBuffer()
  }
})

test('where nothing was built, a page says how', async () => {
  const { ask } = setupDoor({
    doors: [createConsoleDoor({ basePath: '', isLocalOnly: true, folders: ['/nowhere/at/all'] })],
  })
  const answer = await ask('/console')
  assert.equal(answer.status, 503)
  assert.match(await answer.text(), /npm run console:build/)
})

test('what is text is packed for those who unpack it', async (t) => {
  const { ask } = await setupConsole(t)
  for (const [accepted, coding] of [
    ['gzip, deflate, br', 'gzip'],
    ['br;q=1, gzip;q=0', null],
    ['identity', null],
  ] as const) {
    const answer = await ask('/console/assets/large-BxY3a9_Q.js', {
      headers: { 'accept-encoding': accepted },
    })
    assert.equal(answer.headers.get('content-encoding'), coding, accepted)
    assert.equal(answer.headers.get('vary'), 'accept-encoding')
    const bytes = new Uint8Array(await answer.arrayBuffer())
    const text = new TextDecoder().decode(coding !== null && bytes[0] === 0x1f ? gunzipSync(bytes) : bytes)
    assert.equal(text, large, accepted)
  }
})
