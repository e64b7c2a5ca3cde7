import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkKey } from '../../src/base/key.ts'

test('strings are keys as they are, numbers and bigints as text', () => {
  for (const [given, key] of [
    ['42', '42'],
    [' a ', ' a '],
    [42, '42'],
    [-1.5, '-1.5'],
    [0, '0'],
    [2n ** 70n, '1180591620717411303424'],
    ['😀', '😀'],
  ] as const)
    assert.equal(checkKey(given), key)
})

test('undefined and null are no key', () => {
  assert.equal(checkKey(undefined), null)
  assert.equal(checkKey(null), null)
})

test('a key has at most 1,024 bytes of UTF-8', () => {
  assert.equal(checkKey('x'.repeat(1024))?.length, 1024)
  assert.equal(checkKey('€'.repeat(341))?.length, 341)
  assert.throws(() => checkKey('x'.repeat(1025)), {
    code: 'KEY_INVALID',
    status: 422,
    message: `the partition key "${'x'.repeat(60)}…" is 1,025 bytes; the limit is 1,024 bytes of UTF-8`,
  })
  assert.throws(() => checkKey('€'.repeat(342)), /is 1,026 bytes/)
  assert.throws(() => checkKey(10n ** 2000n), { code: 'KEY_INVALID' })
})

test('what cannot be a key is refused by name', () => {
  const message = (value: string) =>
    `the partition key is ${value}; give a string, a finite number or a bigint`
  for (const [given, shown] of [
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [true, 'true'],
    [{ id: 1 }, '{"id":1}'],
    [[1], '[1]'],
    [() => 1, 'a function'],
    [Symbol('k'), 'Symbol(k)'],
  ] as const)
    assert.throws(() => checkKey(given), { code: 'KEY_INVALID', message: message(shown) })
  assert.throws(() => checkKey(Promise.resolve('a')), { message: message('an object of class Promise') })
  assert.throws(() => checkKey(''), {
    code: 'KEY_INVALID',
    message: 'the partition key is empty; give at least one character',
  })
  assert.throws(() => checkKey('a\0b'), {
    code: 'KEY_INVALID',
    message: 'the partition key "a\\u0000b" (3 bytes) has a NUL character; PostgreSQL cannot store one',
  })
  assert.throws(() => checkKey('\ud800'), {
    code: 'KEY_INVALID',
    message: 'the partition key "\\ud800" (3 bytes) has a lone surrogate; it must be well-formed Unicode',
  })
})

test('exactly the strings that PostgreSQL can store in 1,024 bytes are keys', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀'), minLength: 250, maxLength: 1100 }),
  )
  fc.assert(
    fc.property(text, (key) => {
      const isKey =
        key.length > 0 && !key.includes('\0') && key.isWellFormed() && Buffer.byteLength(key) <= 1024
      if (isKey) assert.equal(checkKey(key), key)
      else assert.throws(() => checkKey(key), { code: 'KEY_INVALID' })
    }),
  )
})
