import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  crashFailure,
  crashLimit,
  culpritOf,
  isCleared,
  isOver,
  mayStart,
  modeOf,
  treatmentOf,
} from '../../src/engine/crash-rules.ts'

describe('what a death means', () => {
  it('is charged where what ran there is known, and was one item', () => {
    const [one, other] = [{}, {}]
    assert.equal(culpritOf([]), undefined)
    assert.equal(culpritOf([one]), one)
    assert.equal(culpritOf([one, other]), undefined)
  })

  it('is charged to the first of a line that ran one by one', () => {
    const [second, third] = [{ turn: 1 }, { turn: 2 }]
    assert.equal(culpritOf([third, second]), second)
    assert.equal(culpritOf([third]), third)
    // What ran before the line was written down, and has not ended, may have been it as well.
    assert.equal(culpritOf([second, third, {}]), undefined)
  })

  it('breaks an item at the third time', () => {
    assert.equal(crashLimit, 3)
    const treatments = [undefined, 0, 1, 2, 3, 4].map(treatmentOf)
    assert.deepEqual(treatments, ['start', 'start-alone', 'start-alone', 'start-alone', 'break', 'break'])
    assert.equal(crashFailure(3).code, 'CRASHES_NODE')
  })

  it('decides how a partition is run', () => {
    const table = [
      [false, 0, 'normal'],
      [true, 0, 'marking'],
      [true, 4, 'careful'],
      [false, 1, 'careful'],
    ] as const
    for (const [isUnclean, suspects, mode] of table) assert.equal(modeOf({ isUnclean, suspects }), mode)
  })
})

it('a suspect runs with nothing beside it, and nothing beside a suspect', () => {
  const table = [
    // hasLoner, suspects, running, unsettled
    [false, 0, 0, 0, 'all'],
    [false, 0, 50, 500, 'all'],
    [false, 2, 0, 0, 'a-suspect'],
    [false, 2, 1, 0, 'nothing'],
    [false, 2, 0, 1, 'nothing'],
    [true, 2, 1, 0, 'nothing'],
    [true, 0, 1, 0, 'nothing'],
    [true, 2, 0, 1, 'nothing'],
  ] as const
  for (const [hasLoner, suspects, running, unsettled, verdict] of table)
    assert.equal(
      mayStart({ hasLoner, suspects, running, unsettled }),
      verdict,
      `${[hasLoner, suspects, running, unsettled].join()}`,
    )
})

it('a run alone clears an item, but a failed one not of what it was charged with', () => {
  const table = [
    ['succeeded', 0, true],
    ['succeeded', 2, true],
    ['broken', 3, true],
    ['cancelled', 1, true],
    ['failed', 0, true],
    ['failed', 1, false],
    // It did not run to its end.
    [undefined, 0, false],
  ] as const
  for (const [outcome, crashes, cleared] of table) assert.equal(isCleared(outcome, crashes), cleared)
})

it('suspicion ends when what may have been running has ended, in the log and in the lane', () => {
  const table = [
    [0, 99, 100, 0, 'no'],
    [0, 100, 100, 0, 'ask-lane'],
    [0, 200, 100, 0, 'ask-lane'],
    [1, 200, 100, 0, 'no'],
    // Something holds up the watermark for reasons of its own.
    [0, 99, 100, 30 * 60_000, 'yes'],
    [1, 99, 100, 30 * 60_000, 'no'],
  ] as const
  for (const [suspects, watermark, suspectTo, sinceMs, over] of table)
    assert.equal(isOver({ suspects, watermark, suspectTo, sinceMs }), over)
})
