import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  brandOf,
  CoatcheckError,
  errorCatalogue,
  isCoatcheckError,
  markBrand,
} from '../../src/base/errors.ts'
import type { ErrorCode } from '../../src/base/errors.ts'

test('an error has the status of its code, its cause and its places', () => {
  const cause = new Error('why')
  const errors = [{ detail: 'too long', pointer: '/name' }]
  const error = new CoatcheckError('PAYLOAD_INVALID', 'the payload does not fit', { cause, errors })
  assert.deepEqual(
    [error.name, error.code, error.status, error.message, error.cause, error.errors],
    ['CoatcheckError', 'PAYLOAD_INVALID', 422, 'the payload does not fit', cause, errors],
  )
  assert.ok(!('cause' in new CoatcheckError('INTERNAL', 'x')))
})

test('errors are known by their brand, also those of another copy of the package', () => {
  const foreign = Object.assign(new Error('x'), { code: 'TIMEOUT' })
  assert.ok(!isCoatcheckError(foreign))
  Object.defineProperty(foreign, Symbol.for('coatcheck.error'), { value: 'error' })
  assert.ok(isCoatcheckError(foreign))
  assert.ok(isCoatcheckError(foreign, 'TIMEOUT'))
  assert.ok(!isCoatcheckError(foreign, 'INTERNAL'))
})

test('reading a brand never throws', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
    },
  )
  for (const value of [revoked.proxy, hostile, null, undefined, 5, 'x', () => 1, Object.create(null)]) {
    assert.equal(brandOf(value), undefined)
    assert.ok(!isCoatcheckError(value))
  }
})

test('a brand is seen by nobody else', () => {
  const value = { a: 1 }
  markBrand(value, 'problem')
  assert.equal(brandOf(value), 'problem')
  assert.deepEqual(
    Reflect.ownKeys(value).filter((key) => Object.getOwnPropertyDescriptor(value, key)?.enumerable),
    ['a'],
  )
})

test('every code has a status that HTTP knows and a title', () => {
  for (const [code, { status, title }] of Object.entries(errorCatalogue)) {
    assert.match(code, /^[A-Z][A-Z_]+$/)
    assert.ok(status >= 200 && status <= 599, code)
    assert.match(title, /^[A-Z].*[^.]$/)
    assert.equal(new CoatcheckError(code as ErrorCode, 'x').status, status)
  }
})
