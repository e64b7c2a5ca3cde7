import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRetryAfter } from '../../src/base/retry-after.ts'

test('Retry-After is seconds or a date', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 31, 12) })
  for (const [value, ms] of [
    ['0', 0],
    ['120', 120_000],
    ['Sat, 31 Jan 2026 12:00:30 GMT', 30_000],
    ['Saturday, 31-Jan-26 12:00:30 GMT', 30_000],
    // over
    ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
  ] as const)
    assert.equal(readRetryAfter(value), ms, value)
})

test('what is neither seconds nor a date is no Retry-After', () => {
  for (const value of [
    undefined,
    null,
    '',
    '1.5',
    '-1',
    '1e3',
    'soon',
    'soon 5',
    'Sat, 99 Jan 2026',
    '12345678901',
  ])
    assert.equal(readRetryAfter(value), undefined, String(value))
})
