import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { CoatcheckError } from '../../src/base/errors.ts'
import { failureRecord, toFailure } from '../../src/define/failure.ts'
import { QueuedRequestError, Reject, RetryLater } from '../../src/define/outcome.ts'
import { Problem } from '../../src/define/problem.ts'

const withCode = (code: unknown, message = 'x', more: object = {}) =>
  Object.assign(new Error(message), { code, ...more })

/** What it is made into, without the cause. */
const seen = (error: unknown) => failureRecord(toFailure(error))

test('an error keeps its own code, else it is HANDLER_FAILED', () => {
  assert.deepEqual(seen(new Error('no account')), { code: 'HANDLER_FAILED', message: 'no account' })
  assert.deepEqual(seen(withCode('23505', 'duplicate key')), { code: '23505', message: 'duplicate key' })
  assert.deepEqual(seen(withCode('')), { code: 'HANDLER_FAILED', message: 'x' })
  assert.deepEqual(seen(withCode(14)), { code: 'HANDLER_FAILED', message: 'x' })
})

test('errors of ours keep code and status', () => {
  assert.deepEqual(seen(new Problem({ status: 409, code: 'ALREADY_HIRED', detail: 'Hired' })), {
    code: 'ALREADY_HIRED',
    status: 409,
    message: 'Hired',
    problem: {},
  })
  assert.deepEqual(seen(new CoatcheckError('TIMEOUT', 'over')), {
    code: 'TIMEOUT',
    status: 504,
    message: 'over',
  })
  assert.deepEqual(seen(new Reject('gone')), { code: 'REJECTED', message: 'gone' })
  assert.deepEqual(seen(new RetryLater({ after: 5, message: 'busy' })), {
    code: 'RETRY_LATER',
    message: 'busy',
  })
  assert.equal(seen(new QueuedRequestError('x')).code, 'QUEUED')
})

test('the record of a problem says that it was written for callers, and where in the input it is', () => {
  const problem = (errors: unknown) =>
    new Problem({ status: 422, code: 'X', detail: 'x', errors: errors as never })
  const places = [{ detail: 'unknown\0', pointer: '/id' }]
  assert.deepEqual(seen(problem(places)).problem, { errors: [{ detail: 'unknown\ufffd', pointer: '/id' }] })
  assert.deepEqual(seen(problem([5, { detail: 5 }])).problem, {
    errors: [
      { detail: '', pointer: '' },
      { detail: '', pointer: '' },
    ],
  })
  assert.equal(seen(problem(Array.from({ length: 500 }, () => places[0]))).problem?.errors?.length, 100)
  const revoked = Proxy.revocable([], {})
  revoked.revoke()
  for (const errors of [undefined, 'x', revoked.proxy]) assert.deepEqual(seen(problem(errors)).problem, {})
  for (const other of [
    withCode('X', 'x', { status: 422, errors: places }),
    new CoatcheckError('TIMEOUT', 'x'),
    'x',
  ])
    assert.ok(!('problem' in seen(other)))
})

test('an error of ours stays what it says, whatever caused it', () => {
  const cause = withCode('ECONNREFUSED', 'refused')
  assert.equal(
    seen(new Problem({ status: 502, code: 'DIRECTORY_DOWN', detail: 'x', cause })).code,
    'DIRECTORY_DOWN',
  )
  assert.deepEqual(seen(new Reject('x', { cause })), { code: 'REJECTED', message: 'x' })
})

const connectionCodes = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNABORTED',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  '08006',
  '57P01',
]

test('connections that failed are CONNECTION_FAILED: thrown, nested and together', () => {
  for (const code of connectionCodes) {
    const inner = withCode(code, `connect ${code}`)
    const message = inner.message
    assert.deepEqual(seen(inner), { code: 'CONNECTION_FAILED', message }, code)
    assert.deepEqual(seen(new TypeError('fetch failed', { cause: inner })), {
      code: 'CONNECTION_FAILED',
      message: `fetch failed: ${message}`,
    })
    assert.deepEqual(seen(new AggregateError([inner, withCode('ETIMEDOUT')])), {
      code: 'CONNECTION_FAILED',
      message,
    })
    const twice = new Error('cannot load', {
      cause: new Error('cannot ask', { cause: new AggregateError([inner]) }),
    })
    assert.deepEqual(seen(twice), { code: 'CONNECTION_FAILED', message: `cannot load: ${message}` })
    // a client library's code does not hide it
    assert.equal(seen(withCode('ERR_CLIENT', 'x', { cause: inner })).code, 'CONNECTION_FAILED')
  }
})

test('what only looks like a failed connection is none', () => {
  for (const code of [
    'UND_ERR_INVALID_ARG',
    'UND_ERR_ABORTED',
    'UND_ERR_RES_EXCEEDED_MAX_SIZE',
    'ENOENT',
    'EACCES',
    '42P01',
    'econnrefused',
  ])
    assert.equal(seen(withCode(code)).code, code)
  assert.equal(
    seen(new AggregateError([withCode('ECONNREFUSED'), new TypeError('x is not a function')])).code,
    'HANDLER_FAILED',
  )
  assert.equal(seen(new AggregateError([])).code, 'HANDLER_FAILED')
  assert.equal(seen(new Error('connect ECONNREFUSED')).code, 'HANDLER_FAILED')
  // a system that answered was reached
  assert.deepEqual(seen(withCode('E', 'x', { status: 500, cause: withCode('ECONNRESET') })), {
    code: 'E',
    status: 500,
    message: 'x',
  })
})

test('real connections: refused, reset, unknown host, timed out', async (t) => {
  const server = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const reset = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`
  const refused = createServer().listen(0, '127.0.0.1')
  await once(refused, 'listening')
  const refusedUrl = `http://localhost:${(refused.address() as AddressInfo).port}/`
  refused.close()
  await once(refused, 'close')
  const abort = AbortSignal.timeout(20)
  const failures = await Promise.all(
    [
      fetch(reset),
      fetch(refusedUrl),
      fetch('http://nowhere.invalid/'),
      fetch(silentUrl, { signal: abort }),
    ].map((asked) => asked.then(() => undefined, toFailure)),
  )
  silent.close()
  for (const failure of failures) assert.equal(failure?.code, 'CONNECTION_FAILED', failure?.message)
  assert.match(failures[1]?.message ?? '', /^fetch failed: connect ECONNREFUSED/)
  // the user's own abort is not the other system's doing
  assert.equal(
    await fetch(reset, { signal: AbortSignal.abort() }).then(
      () => undefined,
      (error: unknown) => seen(error).code,
    ),
    'HANDLER_FAILED',
  )
})

test('the status of any client is kept', () => {
  const cases: [object, number | undefined][] = [
    [{ status: 404 }, 404],
    [{ statusCode: 503 }, 503],
    [{ response: { status: 429 } }, 429],
    [{ response: { statusCode: 502 } }, 502],
    [{ status: null, response: { status: 500 } }, 500],
    [{ status: 0 }, undefined],
    [{ status: '404' }, undefined],
    [{ status: 1000 }, undefined],
    [{ status: 404.5 }, undefined],
    [{ response: null }, undefined],
  ]
  for (const [more, status] of cases)
    assert.equal(toFailure(withCode(undefined, 'x', more)).status, status, JSON.stringify(more))
})

test('anything thrown becomes a failure with a message', () => {
  assert.deepEqual(seen('no account'), { code: 'HANDLER_FAILED', message: 'no account' })
  assert.deepEqual(seen(undefined), { code: 'HANDLER_FAILED', message: 'The handler threw undefined' })
  assert.deepEqual(seen(null), { code: 'HANDLER_FAILED', message: 'The handler threw null' })
  assert.deepEqual(seen(''), { code: 'HANDLER_FAILED', message: 'The handler threw ""' })
  assert.deepEqual(seen(5n), { code: 'HANDLER_FAILED', message: 'The handler threw 5n' })
  assert.deepEqual(seen({ code: 'NO', status: 409, message: 'no' }), {
    code: 'NO',
    status: 409,
    message: 'no',
  })
  assert.deepEqual(seen({ reason: 'no' }), {
    code: 'HANDLER_FAILED',
    message: 'The handler threw {"reason":"no"}',
  })
  assert.deepEqual(seen(new TypeError('')), {
    code: 'HANDLER_FAILED',
    message: 'TypeError without a message',
  })
  assert.deepEqual(
    seen(() => 1),
    { code: 'HANDLER_FAILED', message: 'The handler threw a function' },
  )
})

test('messages are cut to 2,000 characters and hold only what PostgreSQL stores', () => {
  const { message } = seen(new Error('x'.repeat(1_000_000)))
  assert.equal(message.length, 2000)
  assert.ok(message.endsWith('x…'))
  assert.equal(seen(new Error('x'.repeat(2000))).message, 'x'.repeat(2000))
  assert.equal(seen(new Error('a\0b')).message, 'a\ufffdb')
  assert.equal(seen(new Error(`${'x'.repeat(1998)}😀😀`)).message, `${'x'.repeat(1998)}\ufffd…`)
  assert.equal(seen(withCode('a\0')).code, 'a\ufffd')
  assert.equal(seen(withCode('X'.repeat(1000))).code.length, 100)
})

test('what was thrown is the cause, and is not part of the record', () => {
  const error = new Error('x')
  assert.equal(toFailure(error).cause, error)
  assert.deepEqual(Object.keys(failureRecord(toFailure(error))), ['code', 'message'])
  assert.ok(!('cause' in toFailure(undefined)))
})

test('a failure stays the failure it is', () => {
  const failure = toFailure(new Error('x'))
  assert.equal(toFailure(failure), failure)
  assert.ok(Object.isFrozen(failure))
})

test('errors whose getters throw, proxies and endless causes survive', () => {
  const explode = (): never => {
    throw new Error('never seen')
  }
  const getters = Object.defineProperties(
    {},
    Object.fromEntries(
      ['message', 'code', 'status', 'name', 'cause', 'errors', 'response'].map((name) => [
        name,
        { get: explode, enumerable: true },
      ]),
    ),
  )
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const revokedErrors = Proxy.revocable([], {})
  const errors = Object.assign(new Error('x'), { errors: revokedErrors.proxy })
  revokedErrors.revoke()
  const endless: object = new Proxy(
    {},
    { get: (_target, name) => (name === 'cause' ? Object.create(endless) : undefined) },
  )
  const circle = Object.assign(new Error('circle'), { errors: [] as unknown[] })
  circle.cause = circle
  for (let index = 0; index < 100; index++) circle.errors.push(circle)
  for (const error of [getters, revoked.proxy, errors, endless, circle]) {
    const failure = toFailure(error)
    assert.equal(failure.code, 'HANDLER_FAILED')
    assert.notEqual(failure.message, '')
  }
})

test('nothing at all makes it throw, and what it makes can be stored', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything({ withBigInt: true, withNullPrototype: true, withObjectString: true }),
        fc.record(
          {
            message: fc.anything(),
            code: fc.anything(),
            status: fc.anything(),
            cause: fc.anything(),
            errors: fc.array(fc.anything()),
            response: fc.anything(),
          },
          { requiredKeys: [] },
        ),
      ),
      (thrown) => {
        const { code, status, message } = failureRecord(toFailure(thrown))
        for (const text of [code, message])
          assert.ok(text.length > 0 && text.length <= 2000 && text.isWellFormed() && !text.includes('\0'))
        assert.ok(status === undefined || (Number.isInteger(status) && status >= 100 && status <= 599))
      },
    ),
  )
})
