import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { setupNode } from './setup.ts'

const { node, ask, post, wire, ran } = setupNode()
const host = 'Host: localhost\r\n'
const close = 'Connection: close\r\n'
const json = 'Content-Type: application/json\r\n'
const sockets: Socket[] = []
after(() => {
  for (const socket of sockets) socket.destroy()
})

/** Opens a connection, sends the beginning of something and leaves it at that. */
async function begin(text: string): Promise<Socket> {
  const socket = connect(Number(new URL(node().url ?? '').port), '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(text)
  return socket
}

test('300 connections that never end their headers or bodies keep nobody else out', async () => {
  const before = ran.length
  const beginnings = [
    '',
    `GET / HTTP/1.1\r\n${host}X: `,
    `POST /services/hr/now HTTP/1.1\r\n${host}${json}Content-Length: 100\r\n\r\n{"act":`,
    `POST /services/hr/now HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a`,
    `POST /nothing HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`,
  ]
  await Promise.all(Array.from({ length: 300 }, (_, at) => begin(beginnings[at % beginnings.length]!)))
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('now', {})))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(ran.length, before + 20)
})

test('a body that comes slowly is taken, in pieces that end anywhere', async () => {
  const text = `POST /services/hr/now HTTP/1.1\r\n${host}${json}${close}Content-Length: 17\r\n\r\n{"act":"created"}`
  const socket = await begin('')
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
  for (const byte of text) {
    socket.write(byte)
    await new Promise(setImmediate)
  }
  await new Promise((resolve) => socket.once('close', resolve))
  assert.match(received, /^HTTP\/1\.1 201 /)
})

test('a client that leaves in the middle of a body leaves nothing behind', async () => {
  const before = ran.length
  for (let times = 0; times < 50; times++) {
    const socket = await begin(
      `POST /services/hr/now HTTP/1.1\r\n${host}${json}Content-Length: 100\r\n\r\n{"act":"a"`,
    )
    if (times % 2 === 0) socket.destroy()
    else socket.resetAndDestroy()
  }
  assert.equal((await post('now', {})).status, 200)
  assert.equal(ran.length, before + 1)
})

test('paths that lead elsewhere lead nowhere', async () => {
  for (const [path, status] of [
    ['/docs/../../package.json', 404],
    ['/docs/%2e%2e/%2e%2e/package.json', 404],
    ['/docs/..%2f..%2fpackage.json', 404],
    ['/docs/swagger-ui-bundle.js%00.txt', 404],
    ['/docs/swagger-ui-bundle.js/', 404],
    ['//evil.example/docs', 404],
    ['/\\evil.example', 404],
    ['/%0d%0aset-cookie:a=b', 404],
    ['/queue-items/%0d%0aset-cookie:a=b', 404],
    ['/services/hr/now/', 404],
    ['/services/HR/now', 404],
    ['/services/hr/__proto__', 404],
    ['/services/constructor/now', 404],
  ] as const) {
    const { answers } = await wire(`GET ${path} HTTP/1.1\r\n${host}${close}\r\n`)
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [status],
      path,
    )
    assert.equal(answers[0]?.headers.has('set-cookie'), false)
    assert.equal(answers[0]?.headers.has('location'), false)
  }
})

test('pages of other sites are not let in, whatever they send', async () => {
  const before = ran.length
  const headers: Record<string, string>[] = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `${node().url}.evil.example` },
    { origin: `https://${new URL(node().url ?? '').host}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'Cross-Site', origin: node().url ?? '' },
  ]
  for (const each of headers) {
    assert.equal((await post('now', {}, each)).status, 403, JSON.stringify(each))
    assert.equal((await ask('/queue-items/x', { headers: each })).status, 403)
  }
  assert.equal((await post('now', {}, { origin: node().url ?? '' })).status, 200)
  // without a preflight a page can send these types only
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
    assert.equal((await post('now', {}, { 'content-type': type })).status, 415)
  const preflight = await ask('/services/hr/now', {
    method: 'OPTIONS',
    headers: { 'access-control-request-method': 'POST' },
  })
  assert.equal(preflight.status, 405)
  for (const [name] of preflight.headers) assert.doesNotMatch(name, /^access-control/)
  assert.equal(ran.length, before + 1)
})

test('bytes that were changed anywhere in a request: an answer for each, and never one too many', async () => {
  const request = Buffer.from(
    `POST /services/hr/now HTTP/1.1\r\n${host}${json}Idempotency-Key: "a"\r\nPrefer: wait=1\r\nContent-Length: 2\r\n\r\n{}`,
  )
  const change = fc.record({
    at: fc.nat(request.length - 1),
    byte: fc.oneof(fc.constantFrom(0, 9, 10, 11, 13, 32, 34, 44, 58, 127, 255), fc.nat(255)),
  })
  const tail = Buffer.from(`GET /smuggled HTTP/1.1\r\n${host}${close}\r\n`)
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(request)
      for (const { at, byte } of changes) bytes[at] = byte
      const before = ran.length
      const { answers } = await wire([bytes, tail], { withinMs: 1_500 })
      assert.ok(answers.length <= 2)
      assert.ok(ran.length - before <= 1)
      for (const { status, body } of answers) {
        assert.notEqual(status, 500, body)
        assert.doesNotMatch(body, /node:internal|node_modules/)
      }
    }),
    { numRuns: 150 },
  )
  assert.equal((await ask('/healthz')).status, 200)
})
