import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CoatcheckError } from '../../src/base/errors.ts'
import type { RetryPolicy } from '../../src/define/definition.ts'
import { toFailure } from '../../src/define/failure.ts'
import { Reject, RetryLater } from '../../src/define/outcome.ts'
import { backOff, failureOutcome } from '../../src/engine/execute.ts'

const policy: RetryPolicy = {
  maxAttempts: 3,
  initialDelayMs: 60_000,
  factor: 2,
  maxDelayMs: 3_600_000,
  jitter: 0,
}

describe('the delay before the next attempt', () => {
  test('grows by the factor, up to the longest', () => {
    const delays = Array.from({ length: 8 }, (_, at) => backOff(policy, at + 1) / 60_000)
    assert.deepEqual(delays, [1, 2, 4, 8, 16, 32, 60, 60])
  })

  test('is spread by the jitter and no more, and stays finite', () => {
    const policies = fc.record({
      maxAttempts: fc.constant(1_000),
      initialDelayMs: fc.nat(30 * 86_400_000),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      maxDelayMs: fc.nat(30 * 86_400_000),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 1_000 }), (retry, attempt) => {
        const plain = backOff({ ...retry, jitter: 0 }, attempt)
        const delay = backOff(retry, attempt)
        assert.ok(Number.isSafeInteger(delay) && delay >= 0, `${delay}`)
        assert.ok(plain <= retry.maxDelayMs)
        assert.ok(Math.abs(delay - plain) <= (plain + 1) * retry.jitter + 1, `${delay} of ${plain}`)
      }),
    )
  })

  test('of nothing stays nothing, however often it failed', () => {
    assert.equal(backOff({ ...policy, initialDelayMs: 0, factor: 100 }, 1_000), 0)
  })

  test('differs between items that failed together', () => {
    const delays = new Set(Array.from({ length: 50 }, () => backOff({ ...policy, jitter: 0.1 }, 1)))
    assert.ok(delays.size > 10)
  })
})

describe('the outcome of a failed attempt', () => {
  const outcomeOf = (thrown: unknown, attempt: number) =>
    failureOutcome(policy, attempt, toFailure(thrown), thrown)

  test('is another attempt, until they are used up', () => {
    const failure = { code: 'HANDLER_FAILED', message: 'away' }
    const away = new Error('away')
    assert.deepEqual(outcomeOf(away, 1), { kind: 'failed', failure, retryInMs: 60_000 })
    assert.deepEqual(outcomeOf(away, 2), { kind: 'failed', failure, retryInMs: 120_000 })
    assert.deepEqual(outcomeOf(away, 3), { kind: 'broken', failure })
  })

  test('is broken at once where the handler rejects', () => {
    assert.deepEqual(outcomeOf(new Reject('has left'), 1), {
      kind: 'broken',
      failure: { code: 'REJECTED', message: 'has left' },
    })
  })

  test('is when the handler says, which counts as an attempt', () => {
    const later = new RetryLater({ after: '10 minutes' })
    const { kind, retryInMs } = outcomeOf(later, 1) as { kind: string; retryInMs: number }
    assert.deepEqual([kind, retryInMs], ['failed', 600_000])
    assert.equal((outcomeOf(new RetryLater({ after: 0 }), 1) as { retryInMs: number }).retryInMs, 0)
    assert.equal((outcomeOf(new RetryLater('busy'), 2) as { retryInMs: number }).retryInMs, 120_000)
    assert.equal(outcomeOf(later, 3).kind, 'broken')
  })

  for (const code of ['PAYLOAD_NO_LONGER_FITS', 'RESULT_INVALID'] as const)
    test(`is broken at once where trying again changes nothing (${code})`, () => {
      assert.equal(outcomeOf(new CoatcheckError(code, 'never'), 1).kind, 'broken')
    })
})

test('delays that are given one by one are used one by one, the last of them again', () => {
  const retry = { ...policy, jitter: 0, delaysMs: [5_000, 300_000] }
  assert.deepEqual(
    [1, 2, 3].map((attempt) => backOff(retry, attempt)),
    [5_000, 300_000, 300_000],
  )
  const spread = Array.from({ length: 50 }, () => backOff({ ...retry, jitter: 0.5 }, 2))
  assert.ok(new Set(spread).size > 1)
  assert.ok(spread.every((delay) => delay >= 150_000 && delay <= 450_000))
})
