import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { showNumber, showValue } from '../../src/base/shown-value.ts'

class Account {}

test('a value is shown so that its owner knows it again', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const cases: [unknown, string][] = [
    ['a "b"', '"a \\"b\\""'],
    ['', '""'],
    [5, '5'],
    [Number.NaN, 'NaN'],
    [5n, '5n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 1, 'a function'],
    [function named() {}, 'the function named'],
    [{ a: 1 }, '{"a":1}'],
    [[1, 2], '[1,2]'],
    [Object.create(null), '{}'],
    [new Account(), 'an object of class Account'],
    [new Map(), 'an object of class Map'],
    ['x'.repeat(100), `"${'x'.repeat(58)}…`],
    [{ a: 5n }, 'an object that cannot be read'],
    [revoked.proxy, 'an object that cannot be read'],
  ]
  for (const [value, shown] of cases) assert.equal(showValue(value), shown)
})

test('nothing makes it throw, or say more than 80 characters', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withNullPrototype: true,
        withObjectString: true,
        withSparseArray: true,
        withTypedArray: true,
      }),
      (value) => assert.ok(showValue(value).length <= 80),
    ),
  )
})

test('numbers have commas', () => {
  assert.equal(showNumber(1_048_576), '1,048,576')
})
