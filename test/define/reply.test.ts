import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isProblem, Problem } from '../../src/define/problem.ts'
import { isReply, reply } from '../../src/define/reply.ts'

test('a reply is an output with a status and headers', () => {
  const made = reply({ account: 'a' }, { status: 201, headers: { location: '/accounts/a' } })
  assert.deepEqual(
    { ...made },
    { output: { account: 'a' }, status: 201, headers: { location: '/accounts/a' } },
  )
  assert.deepEqual({ ...reply(null) }, { output: null, status: 200, headers: {} })
  assert.ok(Object.isFrozen(made) && Object.isFrozen(made.headers))
})

test('only a reply is one, whatever it looks like', () => {
  assert.ok(isReply(reply(1)))
  assert.ok(isReply({ [Symbol.for('coatcheck.error')]: 'reply' }), 'of another copy of the package')
  for (const value of [{ output: 1, status: 200, headers: {} }, null, undefined, 'reply'])
    assert.equal(isReply(value), false)
})

test('a reply refuses what HTTP cannot carry', () => {
  for (const status of [199, 600, 200.5, Number.NaN, '200' as never])
    assert.throws(() => reply(1, { status }), {
      code: 'OPTION_INVALID',
      message: /^status of reply is .*; write a whole number from 200 to 599$/,
    })
  for (const status of [200, 204, 303, 599]) assert.equal(reply(1, { status }).status, status)
  assert.throws(() => reply(1, { headers: { 'a b': 'x' } }), {
    message: '"a b" in headers of reply is not a header name',
  })
  assert.throws(() => reply(1, { headers: { location: 'x\r\nset-cookie: a=b' } }), {
    code: 'OPTION_INVALID',
    message:
      'header location of reply is "x\\r\\nset-cookie: a=b"; write text of Latin-1 characters without line breaks',
  })
  for (const value of ['\0', '😀', 5 as never, undefined as never])
    assert.throws(() => reply(1, { headers: { location: value } }), { code: 'OPTION_INVALID' })
  assert.equal(reply(1, { headers: { 'x-name': 'é\t~' } }).headers['x-name'], 'é\t~')
})

test('a problem carries its status, code, detail, places and cause', () => {
  const errors = [{ detail: 'unknown', pointer: '/id' }]
  const problem = new Problem({
    status: 409,
    code: 'ALREADY_HIRED',
    detail: 'Employee 42 has an account',
    errors,
    cause: 5,
  })
  assert.deepEqual(
    [
      problem.name,
      problem.status,
      problem.code,
      problem.detail,
      problem.message,
      problem.errors,
      problem.cause,
    ],
    ['Problem', 409, 'ALREADY_HIRED', 'Employee 42 has an account', 'Employee 42 has an account', errors, 5],
  )
  assert.ok(isProblem(problem))
  assert.ok(!isProblem(new Error('x')))
})

test('a problem never answers with a status of success', () => {
  for (const status of [200, 302, 399, 600, Number.NaN, '404' as never])
    assert.equal(new Problem({ status, code: 'X', detail: 'x' }).status, 500)
  for (const status of [400, 599])
    assert.equal(new Problem({ status, code: 'X', detail: 'x' }).status, status)
})
