import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkStates, type StateInput } from './check-states.ts'

/** What was seen of item a#1, in order. */
function seen(states: readonly (string | undefined)[], more: Partial<StateInput> = {}): string[] {
  const samples = states.map((state, at) => ({ key: 'a', n: 1, at, state }))
  const input = { samples, accepted: 1, byState: { succeeded: 1 }, isOver: true, ...more }
  return checkStates(input).map(({ kind }) => kind)
}

describe('the checker of states', () => {
  it('passes an item that goes its way, also over several attempts', () => {
    assert.deepEqual(seen(['ready', 'running', 'scheduled', 'running', 'succeeded', 'succeeded']), [])
  })

  it('finds an item that had ended and runs again', () => {
    assert.deepEqual(seen(['succeeded', 'running', 'succeeded']), ['revived'])
  })

  it('finds an item that ended in two ways', () => {
    assert.deepEqual(seen(['succeeded', 'broken']), ['revived'])
  })

  it('finds an accepted item that is not there', () => {
    assert.deepEqual(seen(['ready', undefined, 'succeeded']), ['vanished'])
  })

  it('finds items that are counted by no state, or by two', () => {
    assert.deepEqual(seen([], { accepted: 2 }), ['unconserved'])
    assert.deepEqual(seen([], { byState: { succeeded: 1, broken: 1 } }), ['unconserved'])
  })

  it('finds items that never ended', () => {
    assert.deepEqual(seen([], { accepted: 2, byState: { succeeded: 1, ready: 1 } }), ['unconserved'])
    assert.deepEqual(seen([], { accepted: 2, byState: { succeeded: 1, ready: 1 }, isOver: false }), [])
  })
})
