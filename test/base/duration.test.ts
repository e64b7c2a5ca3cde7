import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { durationMs, toMs } from '../../src/base/duration.ts'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { sizeBytes } from '../../src/base/size.ts'

const units = {
  1: ['ms', 'millisecond', 'milliseconds'],
  1000: ['s', 'sec', 'second', 'seconds'],
  60_000: ['m', 'min', 'minute', 'minutes'],
  3_600_000: ['h', 'hour', 'hours'],
  86_400_000: ['d', 'day', 'days'],
  604_800_000: ['w', 'week', 'weeks'],
}

test('text of an amount and a unit is that many milliseconds, however it is spaced and cased', () => {
  const unit = fc.constantFrom(
    ...Object.entries(units).flatMap(([ms, names]) => names.map((name) => [name, Number(ms)] as const)),
  )
  const space = fc.constantFrom('', ' ', '   ')
  fc.assert(
    fc.property(
      fc.nat(10_000),
      unit,
      space,
      space,
      fc.boolean(),
      (amount, [name, ms], before, between, isUpper) => {
        const text = before + amount + between + (isUpper ? name.toUpperCase() : name)
        assert.equal(durationMs(text), amount * ms)
        assert.equal(toMs(text, 'it'), amount * ms)
      },
    ),
  )
})

test('numbers are milliseconds, and fractions of a unit are taken', () => {
  assert.equal(durationMs(0), 0)
  assert.equal(durationMs(1500.5), 1500.5)
  assert.equal(durationMs('1.5 minutes'), 90_000)
  assert.equal(durationMs('0.25s'), 250)
})

test('what is no duration is none', () => {
  const wrong = [
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    '5',
    's',
    '-5s',
    '5 s 3',
    '5 fortnights',
    '1e3 s',
    '1,5 s',
    `${'9'.repeat(400)} w`,
    // members that every object has
    '5 constructor',
    '5 toString',
    '5 valueOf',
    '5 __proto__',
    null,
    undefined,
    {},
    [],
    5n,
    true,
    new Date(),
    Symbol('s'),
  ]
  for (const value of wrong) assert.equal(durationMs(value), undefined, inspect(value))
})

test('no text at all makes a duration that is negative or not finite', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const milliseconds = durationMs(text)
      assert.ok(milliseconds === undefined || (Number.isFinite(milliseconds) && milliseconds >= 0))
    }),
  )
})

test('toMs says what it was given and how to write it', () => {
  assert.throws(() => toMs('soon', 'delay'), {
    code: 'OPTION_INVALID',
    message: `delay is "soon", which is no duration; write milliseconds as a number or text such as '20s' or '5 minutes'`,
  })
  for (const value of [5n, {}, Symbol('s'), Object.create(null)])
    assert.throws(
      () => toMs(value as never, 'delay'),
      (error) => isCoatcheckError(error, 'OPTION_INVALID'),
    )
})

test('sizes are bytes, units powers of 1,024', () => {
  const right: [unknown, number][] = [
    [0, 0],
    [10.9, 10],
    ['10 bytes', 10],
    ['1 B', 1],
    ['200 kB', 204_800],
    ['1 MB', 1_048_576],
    ['1mib', 1_048_576],
    ['1.5 KiB', 1536],
    ['2 GB', 2_147_483_648],
  ]
  for (const [given, bytes] of right) assert.equal(sizeBytes(given), bytes, inspect(given))
  const wrong = [
    -1,
    Number.NaN,
    '',
    '1',
    'MB',
    '1 TB',
    '5 constructor',
    `${'9'.repeat(400)} MB`,
    null,
    undefined,
    {},
    5n,
  ]
  for (const value of wrong) assert.equal(sizeBytes(value), undefined, inspect(value))
})
