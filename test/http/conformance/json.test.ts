import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf } from '../door-setup.ts'
import { setupNode } from './setup.ts'

const { ask, post, wire, ran } = setupNode()

const head = 'POST /services/hr/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

/** Bytes as a body, as they are. */
async function send(body: Buffer, lines = '') {
  const { answers } = await wire([
    `${head}${lines}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
    body,
  ])
  assert.equal(answers.length, 1)
  const { status, headers, body: text } = answers[0]!
  return { status, type: headers.get('content-type')?.[0], body: JSON.parse(text) as Record<string, unknown> }
}

/** RFC 8259: what is JSON goes through and comes back. */
const legal: Record<string, [string, unknown]> = {
  'a string (3)': ['"a"', 'a'],
  'null (3)': ['null', null],
  'a number (3)': ['0', 0],
  'false (3)': ['false', false],
  'white space around (2)': [' \t\r\n{} \n', {}],
  'numbers (6)': ['[-0.5e-1,1E+2,123456789]', [-0.05, 100, 123456789]],
  'a number over 2^53 is rounded as IEEE 754 does (6)': ['9007199254740993', 9007199254740992],
  'a small number is zero (6)': ['1e-400', 0],
  'the last of two members of one name counts (4)': ['{"a":1,"a":2}', { a: 2 }],
  'an empty name (4)': ['{"":1}', { '': 1 }],
  'names of objects (4)': [
    '{"constructor":{"prototype":1},"toString":2}',
    { constructor: { prototype: 1 }, toString: 2 },
  ],
  'UTF-8 (8.1)': ['"ä€😀"', 'ä€😀'],
  'escapes (7)': [String.raw`"\u00e4\ud83d\ude00\/\b\f\n\r\t\\\""`, 'ä😀/\b\f\n\r\t\\"'],
  'a backslash before u is no NUL (7)': [String.raw`"\\u0000"`, String.raw`\u0000`],
  'U+2028, DEL and other odd characters (7)': [
    '"\u2028\u2029\u007f\ufeff\ufffe"',
    '\u2028\u2029\u007f\ufeff\ufffe',
  ],
}
for (const [name, [text, value]] of Object.entries(legal))
  test(`${name}: taken as it is (RFC 8259)`, async () => {
    const { status, body, type } = await send(Buffer.from(text))
    assert.deepEqual([status, type], [200, 'application/json'])
    assert.deepEqual(body, { got: value })
  })

test('512 levels are taken, 513 are not (RFC 8259, 9)', async () => {
  assert.equal((await post('keep', '['.repeat(512) + ']'.repeat(512))).status, 202)
  const { status, body } = await send(Buffer.from('['.repeat(513) + ']'.repeat(513)))
  assert.deepEqual([status, body['code']], [422, 'PAYLOAD_TOO_DEEP'])
})

/** RFC 8259: what is none, or what cannot be kept. */
const illegal: Record<string, [string | Buffer, number, string, string?]> = {
  'nothing but white space (2)': [' ', 400, 'MALFORMED_JSON'],
  'an open object (4)': ['{', 400, 'MALFORMED_JSON'],
  'two values (2)': ['{} {}', 400, 'MALFORMED_JSON'],
  'a comma at the end (4)': ['{"a":1,}', 400, 'MALFORMED_JSON'],
  'single quotes (7)': [`{'a':1}`, 400, 'MALFORMED_JSON'],
  'a comment (2)': ['{}//', 400, 'MALFORMED_JSON'],
  'NaN (6)': ['NaN', 400, 'MALFORMED_JSON'],
  'a leading zero (6)': ['01', 400, 'MALFORMED_JSON'],
  'a plus sign (6)': ['+1', 400, 'MALFORMED_JSON'],
  'TRUE (3)': ['TRUE', 400, 'MALFORMED_JSON'],
  'a control character in a string (7)': ['"a\u0001"', 400, 'MALFORMED_JSON'],
  'NUL as a byte (7)': ['"a\0"', 400, 'MALFORMED_JSON'],
  'an escape that is none (7)': [String.raw`"\x41"`, 400, 'MALFORMED_JSON'],
  'other white space (2)': ['\u00a0{}', 400, 'MALFORMED_JSON'],
  'bytes that are no UTF-8 (8.1)': [Buffer.from([0x22, 0xff, 0x22]), 400, 'MALFORMED_JSON'],
  'an overlong encoding (8.1)': [Buffer.from([0x22, 0xc0, 0x80, 0x22]), 400, 'MALFORMED_JSON'],
  'a surrogate in UTF-8 (8.1)': [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 400, 'MALFORMED_JSON'],
  'UTF-8 that ends in a character (8.1)': [Buffer.from([0x22, 0xe2, 0x82]), 400, 'MALFORMED_JSON'],
  'UTF-16 (8.1)': [Buffer.from('\ufeff{}', 'utf16le'), 400, 'MALFORMED_JSON'],
  'UTF-7 (8.1)': ['+AHsAfQ-', 400, 'MALFORMED_JSON'],
  'gzip without a word of it': [
    Buffer.from('1f8b0800000000000003abae050043bfa6a302000000', 'hex'),
    400,
    'MALFORMED_JSON',
  ],
  'an escaped NUL': [String.raw`{"a/b":["\u0000"]}`, 422, 'PAYLOAD_INVALID', '#/a~1b/0'],
  'an escaped NUL in a name': [String.raw`{"a":{"\u0000":1}}`, 422, 'PAYLOAD_INVALID', '#/a/%00'],
  'a lone surrogate (8.2)': [String.raw`{"a":"\ud83d"}`, 422, 'PAYLOAD_INVALID', '#/a'],
  'surrogates the wrong way round (8.2)': [String.raw`["\ude00\ud83d"]`, 422, 'PAYLOAD_INVALID', '#/0'],
  __proto__: ['{"a":{"__proto__":{"admin":true}}}', 422, 'PAYLOAD_INVALID', '#/a/__proto__'],
  '__proto__ with an escape': [String.raw`{"__proto\u005f_":1}`, 422, 'PAYLOAD_INVALID', '#/__proto__'],
}
for (const [name, [text, status, code, pointer]] of Object.entries(illegal))
  test(`${name}: ${status} ${code} (RFC 8259)`, async () => {
    const { status: seen, body, type } = await send(Buffer.from(text as string))
    assert.deepEqual([seen, body['code'], type], [status, code, 'application/problem+json'])
    // RFC 6901, 6: as a fragment of a URI
    if (pointer)
      assert.deepEqual(
        (body['errors'] as { pointer: string }[]).map((each) => each.pointer),
        [pointer],
      )
    assert.equal(({} as { admin?: boolean }).admin, undefined)
  })

test('a byte order mark is not sent; where it is, it is passed over (RFC 8259, 8.1)', async () => {
  const { status, body } = await send(
    Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"a":1}')]),
  )
  assert.deepEqual([status, body], [200, { got: { a: 1 } }])
})

test('a body in pieces of a byte is the same body', async () => {
  const bytes = Buffer.from('{"name":"ä😀"}')
  const pieces = [...bytes].flatMap((byte) => [
    Buffer.from('1\r\n'),
    Buffer.from([byte]),
    Buffer.from('\r\n'),
  ])
  const { answers } = await wire([
    `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ...pieces,
    '0\r\n\r\n',
  ])
  assert.deepEqual(JSON.parse(answers[0]?.body ?? ''), { got: { name: 'ä😀' } })
})

test('the limit counts bytes of UTF-8, whether they are announced or not', async () => {
  const fitting = Buffer.from(`"${'ä'.repeat(32_767)}"`)
  assert.equal(fitting.length, 65_536)
  assert.equal((await send(fitting)).status, 200)
  const over = Buffer.from(`"${'ä'.repeat(32_767)}a"`)
  assert.deepEqual([(await send(over)).status, (await send(over)).body['code']], [413, 'PAYLOAD_TOO_LARGE'])
  const { answers } = await wire([
    `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${over.length.toString(16)}\r\n`,
    over,
    '\r\n0\r\n\r\n',
  ])
  assert.equal(answers[0]?.status, 413)
})

/** RFC 9457 of whatever goes wrong. */
const problems: Record<string, () => Promise<Response>> = {
  'no JSON': () => post('now', '{'),
  'another media type': () => post('now', {}, { 'content-type': 'text/plain' }),
  'an input that does not fit': () => post('now', { act: 1 }),
  'a path that is none': () => ask('/nothing'),
  'a method that is not allowed': () => ask('/services/hr/now', { method: 'PUT' }),
  'a foreign site': () => post('now', {}, { 'sec-fetch-site': 'cross-site' }),
  'an id that is none': () => ask('/queue-items/x'),
  'a wait that is none': () => ask('/queue-items/0199f3a1-7c00-8001-8001-5f3c9a2b1000?wait=soon'),
  'an item that never was': () => ask('/queue-items/fff9f3a1-7c00-8001-8001-5f3c9a2b1000'),
  'a key that cannot be used': () => post('now', {}, { 'idempotency-key': '"' }),
  'a key that is missing': () => post('strict', {}),
  'a problem of the service': () => post('now', { act: 'problem' }),
  'a service that threw': () => post('now', { act: 'fail' }),
  'a service that threw, queued': () => post('later', { act: 'fail' }, { prefer: 'wait=20' }),
}
for (const [name, cause] of Object.entries(problems))
  test(`${name} is a problem (RFC 9457, 3)`, async () => {
    const answer = await cause()
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    const text = await answer.text()
    const problem = JSON.parse(text) as Record<string, unknown>
    const { type, title, status, detail, code, ...more } = problem
    // 3.1.1: a URI reference, about:blank where it says no more than the status, whose title is then that of the status
    assert.match(
      String(type),
      code === 'ALREADY_HIRED' ? /^about:blank$/ : new RegExp(`^urn:coatcheck:error:${String(code)}$`),
    )
    if (type === 'about:blank') assert.equal(title, 'Conflict')
    // 3.1.2: the same as the actual status
    assert.equal(status, answer.status)
    for (const member of [title, detail, code]) assert.ok(typeof member === 'string' && member.length > 0)
    // 3.2: extensions of three characters and more, letters, digits and underscores
    for (const member of Object.keys(more)) assert.match(member, /^[A-Za-z]\w{2,}$/)
    // 5: no stack, no path, nothing from inside
    assert.doesNotMatch(text, /secret|\bat .*\.[jt]s|node:|node_modules|\/src\//)
    for (const each of (more['errors'] ?? []) as { detail: unknown; pointer: string }[]) {
      assert.equal(typeof each.detail, 'string')
      assert.match(each.pointer, /^#(?:\/(?:[\w.!$&'()*+,;=:@-]|%[0-9A-F]{2}|~[01])*)*$/)
    }
  })

test('a problem says nothing that was not asked for: values in it are shortened', async () => {
  const long = 'x'.repeat(5_000)
  for (const answer of [
    await ask(`/${long}`),
    await post('now', {}, { 'idempotency-key': `"${long}"` }),
    await post('now', {}, { 'content-type': long }),
    await post('echo', `{"${long}":`),
  ]) {
    assert.ok(answer.status >= 400)
    assert.ok((await answer.text()).length < 1_500)
  }
})

test('a client that takes only text has its problem all the same (RFC 9457, 3)', async () => {
  const answer = await ask('/nothing', { headers: { accept: 'text/plain' } })
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal((await bodyOf(answer))['status'], 404)
})

test('bombs are refused without a stumble: depth 10^6, 10^5 members, a flood of escapes', async () => {
  const before = ran.length
  const bombs: [string, string, number][] = [
    ['keep', '['.repeat(1_000_000), 422],
    ['keep', '{"a":'.repeat(200_000), 422],
    ['echo', '['.repeat(65_536), 422],
    ['now', `{${Array.from({ length: 50_000 }, (_, at) => `"k${at}":0`).join()}`, 400],
    ['now', `{"act":["${String.raw`\u0000`.repeat(100_000)}"]}`, 422],
    ['now', `"${'\\'.repeat(500_001)}"`, 400],
    ['now', `"${'a'.repeat(2_000_000)}"`, 413],
  ]
  for (const [service, body, status] of bombs) {
    const answer = await post(service, body)
    assert.equal(answer.status, status, body.slice(0, 20))
    assert.ok((await answer.text()).length < 2_000)
  }
  assert.equal(ran.length, before)
  assert.equal((await post('now', {})).status, 200)
})
