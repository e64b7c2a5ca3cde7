import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { HttpListener } from '../../src/http/listener.ts'
import { setupDoor } from './door-setup.ts'

async function setup(graceMs?: number) {
  const { door, road, hireOne } = setupDoor()
  const listener = new HttpListener({ door, port: 0, ...(graceMs !== undefined && { graceMs }) })
  await listener.start()
  after(() => listener.stop())
  const url = listener.url
  assert.ok(url)
  return { listener, road, hireOne, url, port: Number(new URL(url).port) }
}

/** Sends text as it is and gives all that comes back until the server ends the connection. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  return readAll(socket)
}

async function readAll(socket: Socket): Promise<string> {
  let received = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => (received += chunk))
  // a reset is an end too; `once` would throw it
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.on('close', resolve))
  return received
}

const headers = { 'content-type': 'application/json' }

test('answers on a loopback address and a free port', async () => {
  const { url } = await setup()
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  const answer = await fetch(`${url}/services/hr/hire-worker`, {
    method: 'POST',
    headers,
    body: '{"employeeId":"42"}',
  })
  assert.equal(answer.status, 202)
})

test('an address that others can reach is refused with a sentence', async () => {
  const { door } = setupDoor()
  for (const host of ['0.0.0.0', '::', '192.168.0.2', 'example.com'])
    await assert.rejects(new HttpListener({ door, host, port: 0 }).start(), (error) => {
      assert.ok(isCoatcheckError(error, 'CONFIG_INVALID'))
      assert.match(error.message, /http\.host is ".*", which others can reach, and there is no auth/)
      return true
    })
})

test('a port that is taken is told with a sentence', async () => {
  const { port } = await setup()
  const { door } = setupDoor()
  const second = new HttpListener({ door, port })
  await assert.rejects(
    second.start(),
    /cannot listen on port \d+ of 127\.0\.0\.1: another program listens there/,
  )
  assert.equal(second.url, undefined)
  await second.stop()
})

test('starting and stopping twice, or never, is fine', async () => {
  const { door } = setupDoor()
  const listener = new HttpListener({ door, port: 0 })
  await listener.stop()
  await listener.start()
  await listener.start()
  await Promise.all([listener.stop(), listener.stop()])
  await listener.start()
  assert.equal((await fetch(`${listener.url}/healthz`)).status, 200)
  await listener.stop()
})

test('a foreign Host is refused on the wire', async () => {
  const { port } = await setup()
  const refused = await exchange(port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
  assert.match(refused, /^HTTP\/1\.1 403 /)
  assert.match(refused, /HOST_REFUSED/)
  const absolute = await exchange(
    port,
    'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  )
  assert.match(absolute, /^HTTP\/1\.1 403 /)
  const broken = await exchange(port, 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n')
  assert.match(broken, /^HTTP\/1\.1 400 [^]*REQUEST_MALFORMED/)
})

test('headers over 16 KB are refused', async () => {
  const { port } = await setup()
  const answer = await exchange(port, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`)
  assert.match(answer, /^HTTP\/1\.1 431 /)
})

test('who asks for the connection to end and goes on sending is not cut off before it has read its answer', async (t) => {
  const { port } = await setup()
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const errors: Error[] = []
  socket.on('error', (error) => errors.push(error))
  const size = 4_000_000
  socket.write(
    `POST /services/hr/hire-worker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`,
  )
  const half = Buffer.alloc(size / 2)
  socket.write(half)
  let received = ''
  socket.setEncoding('utf8').on('data', (text: string) => (received += text))
  while (!received.includes('PAYLOAD_TOO_LARGE'))
    await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(socket.readableEnded, false)
  socket.write(half)
  await once(socket, 'end', { signal: AbortSignal.timeout(10_000) })
  assert.match(received, /^HTTP\/1\.1 413 /)
  assert.deepEqual(errors, [])
})

test('a body that goes on beyond the limit is answered with 413 while it is still sent', async () => {
  const { port } = await setup()
  const socket = connect(port, '127.0.0.1')
  const reading = readAll(socket)
  socket.write(
    'POST /services/hr/hire-worker HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  socket.write(`400\r\n${' '.repeat(0x400)}\r\n`)
  const received = await reading
  assert.match(received, /^HTTP\/1\.1 413 [^]*PAYLOAD_TOO_LARGE/)
})

test('a client that leaves ends its long poll', async () => {
  const { port, road, hireOne } = await setup()
  const id = await hireOne()
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET /queue-items/${id}?wait=1m HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  while (road.waiting === 0) await new Promise(setImmediate)
  socket.destroy()
  while (road.waiting === 1) await new Promise(setImmediate)
})

test('what a client sends on one connection before it is answered has a bound', async () => {
  const { port, url, road, hireOne } = await setup()
  const id = await hireOne()
  const socket = connect(port, '127.0.0.1')
  const reading = readAll(socket)
  const ask = `GET /queue-items/${id}?wait=1m HTTP/1.1\r\nHost: localhost\r\n`
  socket.write(`${ask}\r\n`.repeat(129) + `${ask}Connection: close\r\n\r\n`)
  while (road.waiting < 100) await new Promise(setImmediate)
  // another connection is none of its business
  assert.equal((await fetch(`${url}/queue-items/${id}`)).status, 200)
  assert.equal(road.waiting, 100)
  road.change(id, { state: 'succeeded' })
  const answers = (await reading).match(/HTTP\/1\.1 \d+|"code":"\w+"|Retry-After/gi) ?? []
  const count = (what: RegExp) => answers.filter((each) => what.test(each)).length
  assert.deepEqual([count(/200/), count(/503/), count(/REQUESTS_FULL/), count(/Retry/i)], [100, 30, 30, 30])
})

test('stopping answers what is in flight, sends waiters away and takes nothing more', async () => {
  const { listener, url, port, road, hireOne } = await setup()
  const id = await hireOne()
  const waiting = fetch(`${url}/queue-items/${id}?wait=1m`)
  while (road.waiting === 0) await new Promise(setImmediate)
  // idle, with its connection kept alive
  await (await fetch(`${url}/healthz`)).text()
  const socket = connect(port, '127.0.0.1')
  const reading = readAll(socket)
  socket.write(
    'POST /services/hr/hire-worker HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"employee',
  )
  // the server has taken this connection once a later one is answered
  await (await fetch(`${url}/healthz`)).text()
  const stopping = listener.stop()
  assert.equal((await waiting).status, 200)
  await assert.rejects(fetch(`${url}/healthz`))
  socket.write('Id":"42"}')
  assert.match(await reading, /^HTTP\/1\.1 202 [^]*Connection: close/i)
  await stopping
})

test('stopping gives up what does not end within the grace', async () => {
  const { listener, port, url } = await setup(1)
  const socket = connect(port, '127.0.0.1')
  const reading = readAll(socket)
  socket.write(
    'POST /services/hr/hire-worker HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{',
  )
  // the server has taken this connection once a later one is answered
  await (await fetch(`${url}/healthz`)).text()
  await listener.stop()
  assert.equal(await reading, '')
})

test('a client that does not read its answers is ended', async () => {
  const { door } = setupDoor()
  const listener = new HttpListener({ door, port: 0, stalledMs: 300 })
  await listener.start()
  after(() => listener.stop())
  const socket = connect(Number(new URL(listener.url!).port), '127.0.0.1')
  socket.on('error', () => undefined)
  // a stream that nobody listens to reads nothing; what does not fit the buffers of the system stays with the server
  socket.write('GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(30))
  const ended = new Promise((resolve) => socket.once('close', resolve))
  // only a write shows that the other side has gone
  const knocking = setInterval(() => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'), 100)
  await ended
  clearInterval(knocking)
})
