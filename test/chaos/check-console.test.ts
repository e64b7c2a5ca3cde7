import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { differences } from './check-console.ts'
import type { ConsoleCounts } from './state-witness.ts'

const lanes = { inLane: 3, broken: 1 }
const told: ConsoleCounts = { ...lanes, waiting: 3 }
const over = { succeeded: 9, broken: 1 }

function found(wrong: Partial<ConsoleCounts>, byState: Readonly<Record<string, number>> = over): string[] {
  return differences({ ...told, ...wrong }, lanes, byState)
}

describe("the checker of the console's counters", () => {
  it('passes what is there', () => {
    assert.deepEqual(found({}), [])
  })

  it('finds each number that is another', () => {
    assert.deepEqual(found({ inLane: 2 }), ['2 in the lane, where 3 are'])
    assert.deepEqual(found({ broken: 0 }), ['0 broken, where 1 are'])
    assert.deepEqual(found({ waiting: 4 }), ['4 waiting, where 3 are'])
  })

  it('says nothing of how many wait while some run', () => {
    assert.deepEqual(found({ waiting: 4 }, { ...over, running: 1 }), [])
  })
})
