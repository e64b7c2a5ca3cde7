import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf } from '../door-setup.ts'
import { setupNode } from './setup.ts'

const { node, ask, post, wire, ran, gate } = setupNode()
const nowhere = '0199f3a1-7c00-8001-8001-5f3c9a2b1000'

const readable = [
  '/',
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/docs',
  '/docs/open.js',
  '/docs/swagger-ui.css',
]

/** RFC 9110, 9.1 and 15.5.6: a method that is known and not allowed here is 405, with Allow. */
const allowed: Record<string, string> = {
  ...Object.fromEntries(readable.map((path) => [path, 'GET, HEAD'])),
  '/services/hr/now': 'POST',
  '/services/hr/later': 'POST',
  [`/queue-items/${nowhere}`]: 'GET, HEAD, DELETE',
  [`/queue-items/${nowhere}/result`]: 'GET, HEAD',
  [`/queue-items/${nowhere}/events`]: 'GET, HEAD',
}
for (const [path, allow] of Object.entries(allowed))
  test(`${path} allows ${allow} (RFC 9110, 15.5.6)`, async () => {
    const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'].filter(
      (method) => !allow.split(', ').includes(method),
    )
    assert.ok(others.length > 0)
    for (const method of others) {
      const answer = await ask(path, { method })
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], method)
      if (method !== 'HEAD') assert.equal((await bodyOf(answer))['code'], 'METHOD_NOT_ALLOWED')
    }
  })

test('TRACE is not answered with what was sent (RFC 9110, 9.3.8)', async () => {
  for (const path of Object.keys(allowed)) {
    const text = `TRACE ${path} HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\nConnection: close\r\n\r\n`
    const { answers } = await wire(text)
    assert.deepEqual([answers.length, answers[0]?.status], [1, 405], path)
    assert.doesNotMatch(answers[0]?.body ?? '', /secret/)
  }
})

test('OPTIONS * is about the server, and has Allow (RFC 9110, 9.3.7)', async () => {
  const { answers } = await wire('OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n')
  assert.deepEqual([answers[0]?.status, answers[0]?.headers.get('allow')], [405, ['GET, HEAD, POST, DELETE']])
})

test('HEAD answers what GET does, without its content (RFC 9110, 9.3.2)', async () => {
  const { headers } = await post('later', {}, { prefer: 'wait=20' })
  const result = headers.get('content-location') ?? ''
  const item = result.replace(/\/result$/, '')
  assert.match(item, /^\/queue-items\/[0-9a-f-]{36}$/)
  // of the connection, of the framing, or of this answer alone
  const own = /^(?:date|x-correlation-id|content-length|transfer-encoding|connection|keep-alive)$/
  const told = (answer: Response) => [
    answer.status,
    ...[...answer.headers].filter(([name]) => !own.test(name)),
  ]
  for (const path of [...readable, item, result, `${item}/events`, '/nothing', `/queue-items/${nowhere}x`]) {
    const got = await ask(path)
    const text = await got.text()
    const head = await ask(path, { method: 'HEAD' })
    assert.deepEqual(told(head), told(got), path)
    assert.equal(await head.text(), '')
    const length = head.headers.get('content-length')
    assert.ok(length === null || Number(length) === Buffer.byteLength(text), `${path}: ${length}`)
    const raw = await wire(
      `HEAD ${path} HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      { heads: [0] },
    )
    // had it sent content, that would be read as the next answer
    assert.deepEqual(
      raw.answers.map(({ status }) => status),
      [head.status, 200],
      path,
    )
  }
})

test('a 204 has neither content nor Content-Length (RFC 9110, 8.6 and 15.3.5)', async () => {
  const text = '{"act":"nothing"}'
  const { answers, rest } = await wire(
    `POST /services/hr/now HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  )
  assert.equal(answers[0]?.status, 204)
  assert.equal(answers[0].headers.has('content-length'), false)
  assert.equal(answers[0].headers.has('transfer-encoding'), false)
  assert.equal(rest, '')
})

test('202 says where to look and when: Location, Retry-After (RFC 9110, 10.2.2, 10.2.3, 15.3.3)', async () => {
  const accepted = await post('later', { act: 'wait' })
  assert.equal(accepted.status, 202)
  const location = accepted.headers.get('location') ?? ''
  assert.match(accepted.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  const status = await ask(location)
  assert.equal(status.status, 200)
  assert.match(status.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  const { state, ...document } = await bodyOf(accepted)
  assert.ok(['ready', 'running'].includes(String(state)))
  const self = `/queue-items/${String(document['id'])}`
  assert.equal(location, self)
  assert.deepEqual(document, {
    id: self.slice('/queue-items/'.length),
    links: { self, result: `${self}/result`, events: `${self}/events` },
  })
})

test('Content-Location answers the same to GET (RFC 9110, 8.7)', async () => {
  for (const act of ['created', 'problem', 'nothing', 'fail']) {
    const first = await post('later', { act }, { prefer: 'wait=20' })
    const again = await ask(first.headers.get('content-location') ?? '')
    const told = async (answer: Response) => [
      answer.status,
      await answer.text(),
      ...['content-type', 'location', 'coatcheck-item-state'].map((name) => answer.headers.get(name)),
    ]
    assert.deepEqual(await told(again), await told(first), act)
    assert.notEqual(first.headers.get('coatcheck-item-state'), null)
  }
})

test('the page at / is what Accept prefers, and Vary says so (RFC 9110, 12.4.2, 12.5.1, 12.5.5)', async () => {
  const html = 'text/html; charset=utf-8'
  const json = 'application/json'
  const given: Record<string, string> = {
    '*/*': json,
    'application/json': json,
    'text/html': html,
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8': html,
    'TEXT/HTML': html,
    'text/html;q=0': json,
    'text/html;q=0.5, application/json': json,
    'text/html, application/json;q=0.5': html,
    'text/html;q=0.0, */*': json,
    'image/png': json,
  }
  for (const [accept, type] of Object.entries(given)) {
    const answer = await ask('/', { headers: { accept } })
    assert.equal(answer.headers.get('content-type'), type, accept)
    assert.equal(answer.headers.get('vary'), 'accept')
  }
})

test('an answer is not kept by anybody, unless it says so (RFC 9111, 5.2.2.5)', async () => {
  for (const path of [
    '/',
    '/healthz',
    '/readyz',
    '/openapi.json',
    '/docs',
    `/queue-items/${nowhere}`,
    '/nothing',
  ])
    assert.equal((await ask(path)).headers.get('cache-control'), 'no-store', path)
})

test('media types are compared without case and with their parameters (RFC 9110, 8.3.1)', async () => {
  const statusOf = async (type: string) => (await post('now', {}, { 'content-type': type })).status
  for (const type of [
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json; charset="UTF-8"',
    'application/json ; Charset=UTF8',
    'application/merge-patch+json',
    'application/json; profile="a;b"',
  ])
    assert.equal(await statusOf(type), 200, type)
  for (const type of [
    'text/plain',
    'text/json',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'text/plain; a="application/json"',
    'application/json, text/plain',
    'json',
  ])
    assert.equal(await statusOf(type), 415, type)
})

test('content that is encoded is not decoded: 415 (RFC 9110, 8.4 and 15.5.16)', async () => {
  for (const encoding of ['gzip', 'br', 'identity, gzip', 'x']) {
    const answer = await post('now', {}, { 'content-encoding': encoding })
    assert.deepEqual(
      [answer.status, (await bodyOf(answer))['code']],
      [415, 'UNSUPPORTED_MEDIA_TYPE'],
      encoding,
    )
  }
  assert.equal((await post('now', {}, { 'content-encoding': 'identity' })).status, 200)
})

/** RFC 7240, of an immediate service and one that queues. */
const preferences: readonly {
  readonly section: string
  readonly prefer: readonly string[]
  readonly now: readonly [number, string | null]
  readonly later: readonly [number, string | null]
}[] = [
  { section: '2: none', prefer: [], now: [200, null], later: [202, null] },
  { section: '4.1', prefer: ['respond-async'], now: [202, 'respond-async'], later: [202, 'respond-async'] },
  {
    section: '2: no case',
    prefer: ['Respond-ASYNC'],
    now: [202, 'respond-async'],
    later: [202, 'respond-async'],
  },
  { section: '4.3', prefer: ['wait=20'], now: [200, null], later: [200, 'wait=20'] },
  { section: '4.3: no case', prefer: ['WAIT=20'], now: [200, null], later: [200, 'wait=20'] },
  { section: '2: quoted', prefer: ['wait="20"'], now: [200, null], later: [200, 'wait=20'] },
  { section: '2: white space', prefer: ['wait = 20'], now: [200, null], later: [200, 'wait=20'] },
  {
    section: '4.1 and 4.3',
    prefer: ['respond-async, wait=20'],
    now: [200, 'respond-async, wait=20'],
    later: [200, 'respond-async, wait=20'],
  },
  {
    section: '2: several lines are one list',
    prefer: ['respond-async', 'wait=20'],
    now: [200, 'respond-async, wait=20'],
    later: [200, 'respond-async, wait=20'],
  },
  {
    section: '2: the first counts',
    prefer: ['wait=20', 'wait=0'],
    now: [200, null],
    later: [200, 'wait=20'],
  },
  { section: '2: the first counts', prefer: ['wait=0, wait=20'], now: [200, null], later: [202, 'wait=0'] },
  {
    section: '2: unknown ones',
    prefer: ['frob=1, handling=strict, return=minimal'],
    now: [200, null],
    later: [202, null],
  },
  {
    section: '2: unknown ones',
    prefer: ['frob; a="b, respond-async"'],
    now: [200, null],
    later: [202, null],
  },
  { section: '2: in a string', prefer: ['frob="a, respond-async"'], now: [200, null], later: [202, null] },
  {
    section: '2: escapes',
    prefer: ['frob="\\", respond-async, \\"", wait=20'],
    now: [200, null],
    later: [200, 'wait=20'],
  },
  {
    section: '2: parameters',
    prefer: ['respond-async; a=1; b'],
    now: [202, 'respond-async'],
    later: [202, 'respond-async'],
  },
  { section: '4.3: no number', prefer: ['wait=soon'], now: [200, null], later: [202, null] },
  { section: '4.3: a unit', prefer: ['wait=10s'], now: [200, null], later: [202, null] },
  { section: '4.3: no number', prefer: ['wait=-1, wait'], now: [200, null], later: [202, null] },
  {
    section: '2: empty elements',
    prefer: [', ,respond-async,,'],
    now: [202, 'respond-async'],
    later: [202, 'respond-async'],
  },
]
for (const { section, prefer, now, later } of preferences)
  test(`Prefer: ${prefer.join(' | ')} (RFC 7240, ${section})`, async () => {
    for (const [service, expected] of [
      ['now', now],
      ['later', later],
    ] as const) {
      const lines = prefer.map((each) => `Prefer: ${each}\r\n`).join('')
      const { answers } = await wire(
        `POST /services/hr/${service} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${lines}Connection: close\r\nContent-Length: 2\r\n\r\n{}`,
      )
      const seen = [answers[0]?.status, answers[0]?.headers.get('preference-applied')?.[0] ?? null]
      assert.deepEqual(seen, expected, service)
    }
  })

test('a wait that ends without a result is 202, and says what was waited (RFC 7240, 4.3)', async () => {
  const answer = await post('later', { act: 'wait' }, { prefer: 'respond-async, wait=1' })
  assert.deepEqual([answer.status, answer.headers.get('preference-applied')], [202, 'respond-async, wait=1'])
  assert.equal(answer.headers.get('content-location'), null)
  gate.resolve()
})

test('respond-async is ignored by a service that does not know it (RFC 7240, 2)', async () => {
  const answer = await post('strict', {}, { prefer: 'respond-async', 'idempotency-key': 'a' })
  assert.deepEqual([answer.status, answer.headers.get('preference-applied')], [200, null])
})

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = '00f067aa0ba902b7'
/** W3C Trace Context, 3.2.2: what is kept, and what is as if it were not there. */
const traceparents: Record<string, boolean> = {
  [`00-${trace}-${span}-01`]: true,
  [`00-${trace}-${span}-00`]: true,
  [`00-${trace}-${span}-ff`]: true,
  [`cc-${trace}-${span}-01-what-the-future-will-be-like`]: true,
  [`cc-${trace}-${span}-01`]: true,
  [`cc-${trace}-${span}-01.what`]: false,
  [`00-${trace}-${span}-01-more`]: false,
  [`ff-${trace}-${span}-01`]: false,
  [`00-${'0'.repeat(32)}-${span}-01`]: false,
  [`00-${trace}-${'0'.repeat(16)}-01`]: false,
  [`00-${trace.toUpperCase()}-${span}-01`]: false,
  [`00-${trace}-${span}`]: false,
  [`00-${trace}-${span}-1`]: false,
  [`00-${trace}-${span}-0g`]: false,
  [`0-${trace}-${span}-01`]: false,
  x: false,
}
for (const [traceparent, isKept] of Object.entries(traceparents))
  test(`traceparent ${traceparent} is ${isKept ? 'kept' : 'passed over'} (Trace Context, 3.2.2)`, async () => {
    const answer = await post('now', { act: 'context' }, { traceparent })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('traceparent'), isKept ? traceparent : null)
    assert.equal((await bodyOf(answer))['traceparent'], isKept ? traceparent : undefined)
  })

test('ids that name a request come back; what is none is passed over', async () => {
  const given = { 'x-correlation-id': 'c-1', 'x-request-id': 'r-1' }
  const { headers } = await post('now', {}, given)
  assert.deepEqual([headers.get('x-correlation-id'), headers.get('x-request-id')], ['c-1', 'r-1'])
  for (const bad of ['a b', 'x'.repeat(201), 'ä', '']) {
    const answer = await post('now', { act: 'context' }, { 'x-correlation-id': bad, 'x-request-id': bad })
    const id = answer.headers.get('x-correlation-id') ?? ''
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.equal(answer.headers.get('x-request-id'), null)
    assert.equal((await bodyOf(answer))['correlationId'], id)
  }
})

test('line ends in a value that a service chose split nothing (RFC 9110, 5.5)', async () => {
  const text = '{"act":"split"}'
  const seen = await wire(
    `POST /services/hr/now HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  )
  assert.equal(seen.answers.length, 1)
  assert.equal(seen.answers[0]?.status, 500)
  assert.equal(seen.answers[0].headers.has('set-cookie'), false)
  assert.equal((JSON.parse(seen.answers[0].body) as { code: string }).code, 'HANDLER_FAILED')
  assert.ok(node().url)
  assert.ok(ran.length > 0)
})
