import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { atLeast, atMost, none } from './figure.ts'
import { judgeMutant } from './mutant-verdict.ts'

/** What a case comes to with so many lost, with a slowest start, and with so many faults. */
function figures(lost: number, ms: number, faults = 5) {
  return [none('lost', lost), atMost('slowest', ms, 100, 'ms'), atLeast('faults', faults, 3)]
}

const met = figures(0, 50)

describe('the verdict on a mutant', () => {
  it('is caught by what the sources as they are meet', () => {
    assert.deepEqual(judgeMutant(met, figures(7, 50)), { missed: ['lost: 7'] })
  })

  it('is not caught where all is met', () => {
    assert.deepEqual(judgeMutant(met, met), { missed: [] })
  })

  it('is not caught by too few faults', () => {
    assert.deepEqual(judgeMutant(met, figures(0, 50, 1)), { missed: [] })
  })

  it('tells of no time where something else was missed', () => {
    assert.deepEqual(judgeMutant(met, figures(7, 500)), { missed: ['lost: 7'] })
  })

  it('is caught by a time that the sources as they are meet', () => {
    assert.deepEqual(judgeMutant(met, figures(0, 500)), { missed: ['slowest: 500 ms'] })
  })

  it('is not caught by a machine that is slow for the sources as they are, too', () => {
    assert.deepEqual(judgeMutant(figures(0, 500), figures(0, 900)), { missed: [] })
    assert.deepEqual(judgeMutant(figures(0, 500), figures(7, 900)), { missed: ['lost: 7'] })
  })

  it('is void where the sources as they are miss something, or had too few faults', () => {
    assert.match(judgeMutant(figures(1, 50), figures(7, 50)).problem ?? '', /^VOID: .* lost: 1$/)
    assert.match(judgeMutant(figures(0, 50, 1), figures(7, 50)).problem ?? '', /^VOID: .* faults: 1$/)
  })
})
