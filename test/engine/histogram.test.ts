import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buckets, bucketOf, quantileOf } from '../../src/engine/histogram.ts'

test('a quantile is off by a fifth at most, whatever is counted', () => {
  for (const ms of [1, 2, 3, 7, 50, 333, 4_711, 86_400_000]) {
    const counts = Array.from({ length: buckets }, () => 0)
    counts[bucketOf(ms)] = 1_000
    for (const share of [0.01, 0.5, 0.95, 1]) {
      const found = quantileOf(counts, share) as number
      assert.ok(found >= ms / 1.42 && found <= ms * 1.42, `${ms} at ${share}: ${found}`)
    }
  }
})

test('most are below, some above', () => {
  const counts = Array.from({ length: buckets }, () => 0)
  for (let ms = 1; ms <= 1_000; ms++) counts[bucketOf(ms)] = (counts[bucketOf(ms)] ?? 0) + 1
  const half = quantileOf(counts, 0.5) as number
  const most = quantileOf(counts, 0.95) as number
  assert.ok(Math.abs(half - 500) < 60, String(half))
  assert.ok(Math.abs(most - 950) < 120, String(most))
})

test('what is no duration, and what is beyond all bounds, has a place', () => {
  assert.deepEqual([-5, 0, 0.4, Number.NaN].map(bucketOf), [0, 0, 0, 0])
  assert.equal(bucketOf(Number.MAX_VALUE), buckets - 1)
  assert.equal(quantileOf([], 0.5), undefined)
  assert.equal(quantileOf([0, 0], 0.5), undefined)
})
