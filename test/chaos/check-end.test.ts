import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endOfAll, Patience, type Wait } from './check-end.ts'

/** Looks once a second, at so many ended each time, the last of ten being all. */
function wait(...ended: readonly number[]): Wait | undefined {
  const patience = new Patience(3_000, 8_000, 0)
  for (const [at, count] of ended.entries()) {
    const wait = patience.look((at + 1) * 1000, count, count === 10)
    if (wait) return wait
  }
  return undefined
}

function missed(outcome: Wait['outcome'], seconds: number, byState: Record<string, number>): string[] {
  return endOfAll({ outcome, seconds }, byState, 5).flatMap(({ ok, what, value }) =>
    ok ? [] : [`${what} ${value}`],
  )
}

describe('the wait for the end of all', () => {
  it('is over when all have ended', () => {
    assert.deepEqual(wait(2, 10), { outcome: 'ended', seconds: 2 })
  })

  it('goes on as long as some end, and no longer than it may', () => {
    assert.equal(wait(1, 1, 1, 2, 2, 3), undefined)
    assert.deepEqual(wait(1, 2, 3, 4, 5, 6, 7, 8, 9), { outcome: 'long', seconds: 9 })
  })

  it('is over when nothing ends any more', () => {
    assert.deepEqual(wait(1, 2, 2, 2, 2, 2, 2), { outcome: 'stalled', seconds: 6 })
  })

  it('is given back by what ends again, as after a takeover', () => {
    assert.equal(wait(5, 5, 5, 5, 6, 6, 6), undefined)
  })
})

describe('the figures of the end', () => {
  it('passes what ended in time', () => {
    assert.deepEqual(missed('ended', 4, { succeeded: 9, broken: 1 }), [])
  })

  it('tells a time that was missed apart from items that nobody runs any more', () => {
    assert.deepEqual(missed('ended', 6, { succeeded: 10 }), ['all had ended within 6 s'])
    assert.deepEqual(missed('long', 9, { succeeded: 7, ready: 2, held: 1 }), [
      'all had ended within 9 s, but 2 ready, 1 held',
    ])
    assert.deepEqual(missed('stalled', 6, { succeeded: 9, untracked: 1 }), [
      'all had ended within 6 s, but 1 untracked',
      'open, while nothing went on any more 1 untracked',
    ])
  })
})
