import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkStates, type ByState, type CountSample, type StateInput } from './check-states.ts'

const one = { succeeded: 1 }

/** What was seen of item a#1, in order. */
function seen(states: readonly (string | undefined)[], more: Partial<StateInput> = {}): string[] {
  const samples = states.map((state, at) => ({ key: 'a', n: 1, at, state }))
  return kinds({ samples, counts: [count(one, 1)], accepted: one, isThere: 1, ...more })
}

/** What was counted while ten items were accepted, which succeeded in the end. */
function counted(...counts: readonly CountSample[]): string[] {
  const all = { succeeded: 10 }
  return kinds({ samples: [], counts: [...counts, count(all, 10)], accepted: all, isThere: 10 })
}

function count(byState: ByState, fewest: number, most = fewest): CountSample {
  return { at: 0, byState, fewest, most }
}

function kinds(input: StateInput): string[] {
  return checkStates(input).violations.map(({ kind }) => kind)
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

  it('tells how often it looked at what had ended before', () => {
    const samples = ['ready', 'succeeded', 'succeeded', 'succeeded'].map((state, at) => ({
      key: 'a',
      n: 1,
      at,
      state,
    }))
    assert.equal(checkStates({ samples, counts: [], accepted: one, isThere: 1 }).looksAfterEnd, 2)
  })
})

describe('the checker of counts', () => {
  it('passes what is on its way, also what nobody knows of yet', () => {
    assert.deepEqual(counted(count({ untracked: 3 }, 0, 5), count({ ready: 1, succeeded: 5 }, 5, 6)), [])
  })

  it('finds fewer items than were accepted, at any time', () => {
    assert.deepEqual(counted(count({ untracked: 1, succeeded: 3 }, 5, 7)), ['unconserved'])
  })

  it('finds more items than were handed over, at any time', () => {
    assert.deepEqual(counted(count({ untracked: 5, succeeded: 3 }, 5, 7)), ['unconserved'])
  })

  it('finds that fewer have ended than before', () => {
    assert.deepEqual(counted(count({ succeeded: 5 }, 5), count({ ready: 1, succeeded: 4 }, 5)), ['revived'])
  })

  it('finds items at the end that are in two tables, or in one twice', () => {
    assert.deepEqual(seen([], { counts: [count({ succeeded: 1, broken: 1 }, 1)] }), ['unconserved'])
  })

  it('passes an item whose caller was told nothing, whether it is there or not', () => {
    assert.deepEqual(seen([], { counts: [count({ succeeded: 2 }, 1, 2)] }), [])
    assert.deepEqual(seen([], { counts: [count({ succeeded: 1 }, 1, 2)] }), [])
  })

  it('finds an accepted item of which no table has anything at the end', () => {
    const accepted = { succeeded: 1, untracked: 1 }
    assert.deepEqual(seen([], { accepted, isThere: 1, counts: [count(one, 2)] }), [
      'unconserved',
      'unconserved',
    ])
    assert.deepEqual(seen([], { accepted, isThere: 2, counts: [count({ ...one, untracked: 1 }, 2)] }), [])
  })

  it('finds a count that does not have what the items themselves say', () => {
    const counts = [count({ succeeded: 1, ready: 1 }, 2)]
    assert.deepEqual(seen([], { accepted: { succeeded: 2 }, isThere: 2, counts }), ['unconserved'])
  })
})
