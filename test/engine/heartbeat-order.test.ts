import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ageOf, heartbeatSlots, noteBeat } from '../../src/engine/heartbeat-order.ts'

const { lastGood, lapses } = heartbeatSlots

describe('the shared times of the heartbeat', () => {
  it('count a lapse where a heartbeat came through after the lease had run out', () => {
    const shared = new Int32Array(3)
    noteBeat(shared, 2_000, 5_333)
    noteBeat(shared, 7_000, 5_333)
    assert.equal(shared[lapses], 0)
    noteBeat(shared, 12_400, 5_333)
    assert.equal(shared[lapses], 1)
    assert.equal(shared[lastGood], 12_400)
  })

  it('take heartbeats that overtake each other for no lapse', () => {
    const shared = new Int32Array(3)
    noteBeat(shared, 4_000, 5_333)
    noteBeat(shared, 3_900, 5_333)
    noteBeat(shared, 6_000, 5_333)
    assert.equal(shared[lapses], 0)
  })

  it('go on when the node is older than 32 bits of milliseconds', () => {
    const shared = new Int32Array(3)
    for (const days of [24, 25, 49, 50, 51]) {
      const now = days * 86_400_000
      Atomics.store(shared, lastGood, now - 2_000)
      noteBeat(shared, now, 5_333)
      assert.equal(shared[lapses], 0)
      assert.equal(ageOf(Atomics.load(shared, lastGood), now + 1_234.5), 1_234)
    }
  })
})
