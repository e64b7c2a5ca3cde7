import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { checkJsonText, maxJsonDepth, ReadJson, utf8Length, writeJson } from '../../src/base/json.ts'

const limits = { maxBytes: 1_048_576, what: 'the payload of provision' }
const write = (value: unknown) => writeJson(value, limits)

function nested(levels: number, inner: unknown = 1): unknown {
  let value = inner
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { in: value }
  return value
}

/** Own `__proto__` keys come from JSON.parse; a literal would set the prototype. */
const protoKey: unknown = JSON.parse('{"list":[{"__proto__":{"isAdmin":true}}]}')

test('a value is written, and read back as JSON has it', () => {
  const { text, value } = write({ at: new Date(0), gone: undefined, list: [1, undefined] })
  assert.equal(text, '{"at":"1970-01-01T00:00:00.000Z","list":[1,null]}')
  assert.deepEqual(value, { at: '1970-01-01T00:00:00.000Z', list: [1, null] })
})

test('every JSON value of clean text is written and read back the same, also as text', () => {
  // NUL and __proto__ have tests of their own
  const clean = fc.jsonValue({
    stringUnit: fc.string({ unit: 'grapheme', maxLength: 5 }).filter((text) => !text.includes('\0')) as never,
  })
  fc.assert(
    fc.property(clean, (given) => {
      // made of several units, too
      fc.pre(!JSON.stringify(given).includes('__proto__'))
      const { text, value } = write(given)
      assert.equal(text, JSON.stringify(given))
      assert.deepEqual(value, JSON.parse(text))
      assert.deepEqual(checkJsonText(text, limits), value)
    }),
  )
})

test('JSON that came as text is kept to the letter, and checked as any other', () => {
  const text = ' {"n": 12345678901234567890.10, "n": 1.50,\n"é": "\\u00e9"} '
  const read = new ReadJson(text, limits)
  assert.equal(read.text, text)
  const first = read.value as Record<string, unknown>
  first['n'] = 'changed by a schema'
  assert.deepEqual(read.value, { n: 1.5, é: 'é' })
  assert.throws(() => new ReadJson('{"a":"\\u0000"}', limits), { code: 'PAYLOAD_INVALID' })
  assert.throws(() => new ReadJson('{"a":1', limits), { code: 'MALFORMED_JSON' })
})

test('what JSON cannot hold is refused by name', () => {
  const message = (what: string) =>
    `the payload of provision is ${what}, which JSON cannot hold; give null, a string, a number, a boolean, an array or an object`
  assert.throws(() => write(undefined), {
    code: 'PAYLOAD_NOT_JSON',
    status: 422,
    message: message('undefined'),
  })
  assert.throws(() => write(() => 1), { code: 'PAYLOAD_NOT_JSON', message: message('a function') })
  assert.throws(() => write(Symbol('s')), { code: 'PAYLOAD_NOT_JSON', message: message('Symbol(s)') })
  assert.throws(() => write({ toJSON: () => undefined }), { code: 'PAYLOAD_NOT_JSON' })
})

test('a BigInt is refused with its place', () => {
  assert.throws(() => write(5n), {
    code: 'PAYLOAD_NOT_JSON',
    message: 'the payload of provision has the BigInt 5n; write it as a string',
  })
  assert.throws(() => write({ lines: [{ 'a/b': 5n }] }), {
    code: 'PAYLOAD_NOT_JSON',
    message: 'the payload of provision has the BigInt 5n at /lines/0/a~1b; write it as a string',
  })
})

test('a cycle is refused with its place; the same object twice is none', () => {
  const worker: Record<string, unknown> = { name: 'Ada' }
  worker['boss'] = { reports: [worker] }
  assert.throws(() => write(worker), {
    code: 'PAYLOAD_NOT_JSON',
    message:
      'the payload of provision refers back to itself at /boss/reports/0, a cycle that JSON cannot hold',
  })
  const shared = { a: 1 }
  assert.deepEqual(write([shared, shared]).value, [shared, shared])
  assert.throws(() => write([shared, shared, 5n]), /has the BigInt 5n at \/2;/)
})

test('a toJSON or getter that throws is told with its cause', () => {
  const cause = new RangeError('no such day')
  const failing = {
    get at(): never {
      throw cause
    },
  }
  assert.throws(
    () => write({ failing }),
    (error) =>
      isCoatcheckError(error, 'PAYLOAD_NOT_JSON') &&
      error.cause === cause &&
      error.message.endsWith('cannot be written as JSON: no such day'),
  )
})

test('a payload may have 512 levels and no more', () => {
  assert.equal(maxJsonDepth, 512)
  assert.ok(write(nested(512)))
  assert.ok(checkJsonText('['.repeat(512) + ']'.repeat(512), limits))
  const message =
    'the payload of provision is nested over 512 levels deep; flatten it, or hand it over as text'
  for (const levels of [513, 20_000, 150_000]) {
    assert.throws(() => write(nested(levels)), { code: 'PAYLOAD_TOO_DEEP', message }, `${levels} levels`)
    assert.throws(() => checkJsonText('['.repeat(levels) + ']'.repeat(levels), limits), {
      code: 'PAYLOAD_TOO_DEEP',
    })
  }
  assert.throws(() => checkJsonText('['.repeat(20_000), limits), { code: 'PAYLOAD_TOO_DEEP' }, 'unclosed')
})

test('brackets in strings are no levels', () => {
  assert.ok(write('['.repeat(5000)))
  assert.ok(write({ text: `\\"${'['.repeat(5000)}\\`, more: `"${'{'.repeat(5000)}` }))
  assert.ok(write(Array.from({ length: 2000 }, () => ({ a: [] }))))
})

test('depth is counted as a parser would count it', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
  const strings = fc.constantFrom('"', '\\', '[', '{"', ']', 'a', '\\"')
  const value = fc.jsonValue({ maxDepth: 4, stringUnit: strings as never })
  fc.assert(
    fc.property(value, (inner) => {
      // padding makes the text long enough to be looked at
      const levels = maxJsonDepth - depthOf(inner) - 1
      const fits = nested(levels, [inner])
      assert.ok(write(fits))
      assert.throws(() => write([fits]), { code: 'PAYLOAD_TOO_DEEP' })
    }),
    { numRuns: 50 },
  )
})

test('the limit counts bytes of UTF-8, and the sentence says how many and what raises it', () => {
  const small = { maxBytes: 10, what: 'the payload' }
  assert.ok(writeJson('12345678', small))
  assert.throws(() => writeJson('123456789', small), {
    code: 'PAYLOAD_TOO_LARGE',
    status: 413,
    message:
      'the payload is 11 bytes as JSON, over the limit of 10 bytes; raise maxPayload, or store it elsewhere and hand over where it is',
  })
  assert.ok(writeJson('€€', small))
  assert.throws(() => writeJson('€€€', small), { code: 'PAYLOAD_TOO_LARGE' })
  assert.throws(
    () => checkJsonText('"€€€"', { ...small, option: 'http.maxBody' }),
    /11 bytes as JSON.*raise http\.maxBody/,
  )
  assert.throws(() => checkJsonText('"€€€"', { ...small, option: null }), /; make it smaller, or store/)
  assert.throws(
    () => write('x'.repeat(1_048_575)),
    /is 1,048,577 bytes as JSON, over the limit of 1,048,576 bytes/,
  )
  assert.ok(write('x'.repeat(1_048_574)))
})

test('an own __proto__ key is refused with its pointer', () => {
  const refused = {
    code: 'PAYLOAD_INVALID',
    status: 422,
    message: 'the payload of provision has the key "__proto__" at /list/0/__proto__; remove it',
    errors: [{ detail: 'the key "__proto__"', pointer: '/list/0/__proto__' }],
  }
  assert.throws(() => write(protoKey), refused)
  assert.throws(() => checkJsonText('{"list":[{"__proto__":1}]}', limits), refused)
  assert.throws(() => checkJsonText('{"list":[{"\\u005f_proto__":1}]}', limits), refused, 'escaped')
  // harmless: a value, another key, an inherited one
  for (const value of [
    '__proto__',
    { a: '"__proto__"' },
    { __proto__x: 1 },
    { x__proto__: 1 },
    Object.create({ a: 1 }),
  ])
    assert.ok(write(value))
})

test('NUL is refused in strings and keys, an escaped backslash is not', () => {
  const errors = (where: string, pointer: string) => [
    { detail: `a NUL character (\\u0000) in ${where}`, pointer },
  ]
  assert.throws(() => write({ a: ['x\0y'] }), {
    code: 'PAYLOAD_INVALID',
    message: 'the payload of provision has a NUL character (\\u0000) in a string at /a/0; remove it',
    errors: errors('a string', '/a/0'),
  })
  assert.throws(() => write('\0'), {
    code: 'PAYLOAD_INVALID',
    message: /in a string; remove it$/,
    errors: errors('a string', ''),
  })
  assert.throws(() => write({ 'a\0': 1 }), { code: 'PAYLOAD_INVALID', errors: errors('a key', '/a\0') })
  assert.throws(() => checkJsonText('{"a":"\\u0000"}', limits), {
    code: 'PAYLOAD_INVALID',
    errors: errors('a string', '/a'),
  })
  for (const value of ['\\u0000', '\\\\u0000', 'C:\\users', '\u0001', '\u001f', '\u2028'])
    assert.equal(write(value).value, value)
  assert.equal(checkJsonText('"\\\\u0000"', limits), '\\u0000')
})

test('strings that are not well-formed Unicode are refused, pairs are not', () => {
  const detail = 'a lone surrogate in a string, which is non-UTF-8'
  for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800'])
    assert.throws(() => write({ a: text }), { code: 'PAYLOAD_INVALID', errors: [{ detail, pointer: '/a' }] })
  assert.throws(() => write({ '\ud800': 1 }), {
    code: 'PAYLOAD_INVALID',
    errors: [{ detail: 'a lone surrogate in a key, which is non-UTF-8', pointer: '/\ufffd' }],
  })
  for (const text of ['"\\ud800"', '"\\uD800"', '"\ud800"', '"\\uDBFF\\u0041"'])
    assert.throws(() => checkJsonText(text, limits), { code: 'PAYLOAD_INVALID' })
  for (const text of ['😀', '\\ud800', 'é']) assert.equal(write(text).value, text)
  assert.equal(checkJsonText('"\\ud83d\\ude00"', limits), '😀')
})

test('exactly the values with something forbidden in them are refused', () => {
  const piece = fc.constantFrom(
    '\\',
    'u',
    '0000',
    '"',
    'ud8',
    '\0',
    '\ud800',
    '😀',
    '__proto__',
    '/',
    'n',
    'é',
  )
  const strings = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''))
  const isBad = (text: string) => text.includes('\0') || !text.isWellFormed()
  fc.assert(
    fc.property(strings, strings, (key, text) => {
      const value: unknown = JSON.parse(`[{${JSON.stringify(key)}:${JSON.stringify(text)}}]`)
      const asText = JSON.stringify(value).replace(/é/g, '\\u00E9')
      const bad = isBad(key) || isBad(text) || key === '__proto__'
      for (const check of [() => write(value), () => checkJsonText(asText, limits)]) {
        if (bad) assert.throws(check, { code: 'PAYLOAD_INVALID' })
        else assert.ok(check())
      }
    }),
    { numRuns: 500 },
  )
})

test('text that is no JSON is refused with its place', () => {
  for (const text of ['', '{', '{"a":}', "{'a':1}", 'undefined', '1 2', '[1,]'])
    assert.throws(
      () => checkJsonText(text, { ...limits, what: 'the body' }),
      (error) =>
        isCoatcheckError(error, 'MALFORMED_JSON') &&
        error.status === 400 &&
        error.message.startsWith('the body is not JSON: '),
    )
})

test('utf8Length counts what an encoder writes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) =>
      assert.equal(utf8Length(text), Buffer.byteLength(text, 'utf8')),
    ),
  )
})
