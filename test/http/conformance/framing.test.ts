import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ambiguous, chunked } from './ambiguous-framing.ts'
import { setupNode } from './setup.ts'
import type { Wire } from './wire.ts'

const { node, wire, ran, later } = setupNode()

const host = 'Host: localhost\r\n'
const close = 'Connection: close\r\n'
const json = 'Content-Type: application/json\r\n'
const health = `GET /healthz HTTP/1.1\r\n${host}`
const now = `POST /services/hr/now HTTP/1.1\r\n${host}${json}`
/** What a smuggler hides in the body of another request: it would be seen by its answer, and by what ran. */
const hidden = `POST /services/hr/now HTTP/1.1\r\n${host}${json}${close}Content-Length: 17\r\n\r\n{"act":"smuggle"}`

const statuses = ({ answers }: Wire) => answers.map(({ status }) => status)

/** The id of an item that does not end by itself. */
async function queued(): Promise<string> {
  return node().enqueue(later, {}, { delay: '1 hour' })
}

/** Exactly one answer, a problem that ends the connection, and nothing ran. */
async function refused(text: string | readonly (string | Buffer)[], status: number, code: string) {
  const before = ran.length
  const seen = await wire(text)
  assert.deepEqual(statuses(seen), [status])
  assert.equal(seen.closed, true)
  assert.equal(seen.rest, '')
  const { headers, body } = seen.answers[0]!
  assert.deepEqual(headers.get('content-type'), ['application/problem+json'])
  assert.deepEqual(headers.get('connection'), ['close'])
  // RFC 9110, 6.6.1: a 4xx of a server with a clock has a Date
  assert.match(headers.get('date')?.[0] ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
  const problem = JSON.parse(body) as Record<string, unknown>
  assert.deepEqual([problem['status'], problem['code']], [status, code])
  assert.equal(ran.length, before)
}

for (const [name, lines] of Object.entries(ambiguous))
  test(`${name}: 400, and nothing is smuggled`, () => refused(now + lines + hidden, 400, 'REQUEST_MALFORMED'))

test('a Transfer-Encoding of HTTP/1.0 is faulty framing (6.1)', () =>
  refused(
    `POST /services/hr/now HTTP/1.0\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\n${chunked}${hidden}`,
    400,
    'REQUEST_MALFORMED',
  ))

for (const coding of ['gzip, chunked', 'identity', 'xchunked'])
  test(`the transfer coding ${coding} is not known: 501 (6.1)`, () =>
    refused(`${now}Transfer-Encoding: ${coding}\r\n\r\n${chunked}${hidden}`, 501, 'NOT_IMPLEMENTED'))

/** RFC 9112, 2.2, 3 and 5: what is no request. */
const malformed: Record<string, string | readonly (string | Buffer)[]> = {
  'a folded line (5.2)': `${health}X-A: a\r\n b\r\n\r\n`,
  'a folded Host (5.2)': 'GET / HTTP/1.1\r\nHost: local\r\n host\r\n\r\n',
  'a space before a colon (5.1)': `${health}X-A : a\r\n\r\n`,
  'white space before the first header (2.2)': `GET /healthz HTTP/1.1\r\n X: y\r\n${host}\r\n`,
  'LF alone (2.2)': 'GET /healthz HTTP/1.1\nHost: localhost\n\n',
  'CR alone (2.2)': `${health}X: a\rb\r\n\r\n`,
  'NUL in a value (5.5 of RFC 9110)': `${health}X: a\0b\r\n\r\n`,
  'bytes beyond ASCII in the target (3.2)': ['GET /', Buffer.from('ä'), ` HTTP/1.1\r\n${host}\r\n`],
  'a method in lower case (3.1)': `get /healthz HTTP/1.1\r\n${host}\r\n`,
  'a method that is none (3.1)': `FROB /healthz HTTP/1.1\r\n${host}\r\n`,
  'HTTP/2.0 in the words of 1.1 (2.3)': `GET /healthz HTTP/2.0\r\n${host}\r\n`,
  'HTTP/1.2 (2.3)': `GET /healthz HTTP/1.2\r\n${host}\r\n`,
  'HTTP/0.9 (2.3)': 'GET /healthz\r\n\r\n',
  'the preface of HTTP/2 (3.4 of RFC 9113)': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  TLS: ['\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  'no Host (3.2)': `GET /healthz HTTP/1.1\r\n\r\n`,
  'two Hosts (3.2)': `${health}Host: evil.example\r\n\r\n`,
  'the same Host twice (3.2)': `${health}${host}\r\n`,
  'an empty Host (3.2)': 'GET /healthz HTTP/1.1\r\nHost: \r\n\r\n',
  'a list of Hosts (3.2)': 'GET / HTTP/1.1\r\nHost: localhost, evil.example\r\nConnection: close\r\n\r\n',
  'a Host with a user (3.2)': 'GET / HTTP/1.1\r\nHost: evil@localhost\r\nConnection: close\r\n\r\n',
  'a Host with a path (3.2)': 'GET / HTTP/1.1\r\nHost: localhost/x\r\nConnection: close\r\n\r\n',
  'a Host with port 99999 (3.2)': 'GET / HTTP/1.1\r\nHost: localhost:99999\r\nConnection: close\r\n\r\n',
  'another scheme (3.2.2)': `GET ftp://localhost/healthz HTTP/1.1\r\n${host}${close}\r\n`,
}
for (const [name, text] of Object.entries(malformed))
  test(`${name}: 400`, () => refused(text, 400, 'REQUEST_MALFORMED'))

test('a Host behind 900 other headers is seen', () =>
  refused(`${health}${'A:\r\n'.repeat(900)}Host: evil.example\r\n\r\n`, 400, 'REQUEST_MALFORMED'))

test('HTTP/1.0 may leave Host out, and is not let in without (3.2)', async () => {
  const seen = await wire('GET / HTTP/1.0\r\n\r\n')
  assert.deepEqual(statuses(seen), [403])
  assert.match(seen.answers[0]?.body ?? '', /HOST_REFUSED/)
})

test('headers over 16 KB, or too many: 431 (RFC 6585, 5)', async () => {
  await refused(`${health}X: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE')
  // llhttp counts neither colons nor line ends
  for (const count of [998, 1100, 3000])
    await refused(`${now}${'A:\r\n'.repeat(count)}Content-Length: 2\r\n\r\n{}`, 431, 'HEADERS_TOO_LARGE')
  const few = await wire(`${now}${close}${'A:\r\n'.repeat(900)}Content-Length: 2\r\n\r\n{}`)
  assert.deepEqual(statuses(few), [200])
})

test('a request line of 8,000 bytes is read; one over 16 KB is not (3)', async () => {
  const long = await wire(`GET /${'a'.repeat(7_980)} HTTP/1.1\r\n${host}${close}\r\n`)
  assert.deepEqual(statuses(long), [404])
  await refused(`GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${host}\r\n`, 431, 'HEADERS_TOO_LARGE')
})

test('chunk extensions are passed over, and bounded (7.1.1)', async () => {
  const few = await wire(
    `${now}${close}Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1;c="d"\r\n}\r\n0;e\r\n\r\n`,
  )
  assert.deepEqual(statuses(few), [200])
  await refused(
    `${now}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
    413,
    'PAYLOAD_TOO_LARGE',
  )
})

test('names of codings are case-insensitive, and trailers merge into nothing (6.5, 7)', async () => {
  const text = `${now}Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\nPrefer: respond-async\r\nHost: evil.example\r\n\r\n`
  const { answers } = await wire(text + health + close + '\r\n')
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  )
})

test('an empty line before a request is passed over (2.2)', async () => {
  assert.deepEqual(statuses(await wire(`\r\n\r\n${health}${close}\r\n`)), [200])
})

test('a target in absolute form is taken, and its host counts (3.2.2)', async () => {
  const own = `GET http://localhost/openapi.json HTTP/1.1\r\n`
  assert.deepEqual(statuses(await wire(`${own}${host}${close}\r\n`)), [200])
  assert.deepEqual(statuses(await wire(`${own}Host: evil.example\r\n${close}\r\n`)), [403])
  const foreign = `GET http://evil.example/openapi.json HTTP/1.1\r\n${host}${close}\r\n`
  assert.deepEqual(statuses(await wire(foreign)), [403])
})

test('requests in a pipeline are answered in their order, on one connection (9.3.2)', async () => {
  const { answers, closed } = await wire(
    `${health}\r\n${now}Content-Length: 18\r\n\r\n{"act":"created"} ${`GET /nothing HTTP/1.1\r\n${host}\r\n`}${health}${close}\r\n`,
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 201, 404, 200],
  )
  assert.equal(closed, true)
})

test('the connection is kept, unless either side says close (9.3)', async () => {
  const kept = await wire(`${health}\r\n`, { answers: 1 })
  assert.deepEqual([kept.closed, kept.answers[0]?.headers.get('connection')], [false, ['keep-alive']])
  const ended = await wire(`${health}${close}\r\n`)
  assert.deepEqual([ended.closed, ended.answers[0]?.headers.get('connection')], [true, ['close']])
  const old = await wire(`GET /healthz HTTP/1.0\r\n${host}\r\n`)
  assert.deepEqual([old.closed, old.answers[0]?.headers.get('connection')], [true, ['close']])
})

test('a body that nobody wanted is read over, never taken for a request (9.3)', async () => {
  for (const head of [
    `GET /healthz HTTP/1.1\r\n${host}`,
    `DELETE /queue-items/x HTTP/1.1\r\n${host}`,
    `POST /nothing HTTP/1.1\r\n${host}${json}`,
    `POST /healthz HTTP/1.1\r\n${host}${json}`,
    `POST /services/hr/now HTTP/1.1\r\n${host}`,
  ]) {
    const before = ran.length
    const seen = await wire(`${head}Content-Length: ${hidden.length}\r\n\r\n${hidden}${health}${close}\r\n`)
    assert.equal(seen.answers.length, 2, head)
    assert.equal(seen.answers[1]?.body, '{"status":"alive"}')
    assert.equal(ran.length, before)
  }
})

test('a body that was refused leaves the connection as it was: the next request has its answer (9.3)', async () => {
  const large = 'x'.repeat(2_000_000)
  const slow = `GET /queue-items/${await queued()}?wait=700ms HTTP/1.1\r\n${host}${close}\r\n`
  for (const [head, status] of [
    [`${now}Content-Length: ${large.length}\r\n\r\n${large}`, 413],
    [`${now}Transfer-Encoding: chunked\r\n\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`, 413],
    [`POST /services/hr/now HTTP/1.1\r\n${host}Content-Length: ${large.length}\r\n\r\n${large}`, 415],
    [`POST /nothing HTTP/1.1\r\n${host}Content-Length: ${large.length}\r\n\r\n${large}`, 404],
  ] as const)
    assert.deepEqual(statuses(await wire([head, slow])), [status, 200], head.slice(0, 200))
})

test('a request that came whole has its own answer, whatever comes behind it', async () => {
  const before = ran.length
  for (const last of ['', close]) {
    const good = `${now}${last}Content-Length: 17\r\n\r\n{"act":"created"}`
    const seen = await wire(`${health}\r\n${good}no HTTP\r\n\r\n`)
    assert.deepEqual(statuses(seen), [200, 201])
    assert.deepEqual([seen.closed, seen.rest], [true, ''])
  }
  assert.equal(ran.length, before + 2)
})

test('Expect: 100-continue is answered before the body is sent (10.1.1 of RFC 9110)', async () => {
  const { answers } = await wire(`${now}${close}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`)
  assert.deepEqual(
    answers.map(({ status }) => status),
    [100, 200],
  )
  const tooLarge = await wire(`${now}${close}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n`)
  assert.equal(tooLarge.answers.at(-1)?.status, 413)
  const old = `POST /services/hr/now HTTP/1.0\r\n${host}${json}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`
  assert.deepEqual(statuses(await wire(old)), [200])
})

test('another expectation is not met: 417 (10.1.1 of RFC 9110)', async () => {
  for (const end of ['', hidden])
    await refused(`${now}Expect: tea\r\nContent-Length: 2\r\n\r\n{}${end}`, 417, 'EXPECTATION_FAILED')
  await refused(`${now}Expect: tea\r\nTransfer-Encoding: gzip\r\n\r\n`, 501, 'NOT_IMPLEMENTED')
})

test('Upgrade is passed over, and CONNECT ends without a tunnel (7.8 and 9.3.6 of RFC 9110)', async () => {
  for (const protocol of ['websocket', 'h2c']) {
    const text = `${health}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`
    const { answers } = await wire(text, { answers: 1 })
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200],
    )
  }
  const tunnel = await wire(`CONNECT localhost:80 HTTP/1.1\r\n${host}\r\n`)
  assert.deepEqual([tunnel.closed, tunnel.answers.some(({ status }) => status < 300)], [true, false])
})
