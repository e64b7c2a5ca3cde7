import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { check, items, kinds, limits } from './history-text.ts'

const killed = `
  start n1 a#1 @1
  end n1 a#1 @1
  start n1 a#2 @1
  at 1000
  kill n1
  gone n1
  at 8000
  start n2 a#1 @2
  end n2 a#1 @2
  start n2 a#2 @2
  end n2 a#2 @2`

describe('the history checker', () => {
  it('passes a run without faults', () => {
    const verdict = check(
      'a#1 a#2 b#1',
      `
      start n1 a#1 @1
      start n2 b#1 @1
      end n1 a#1 @1
      start n1 a#2 @1
      end n2 b#1 @1
      end n1 a#2 @1`,
    )
    assert.deepEqual(verdict.violations, [])
    assert.equal(verdict.figures.attempts, 3)
  })

  it('passes what was finished and not settled, and what ran, again after a kill', () => {
    const { violations, figures } = check('a#1 a#2', killed)
    assert.deepEqual(violations, [])
    assert.equal(figures.losses, 1)
    assert.equal(figures.reruns, 2)
    assert.equal(figures.mostRerunsOfALoss, 2)
    assert.equal(figures.slowestRestartMs, 7000)
  })

  it('passes a failed attempt that is made again before the next item', () => {
    const verdict = check(
      'a#1 a#2',
      `
      start n1 a#1 @1
      fail n1 a#1 @1
      start n1 a#1 @1 again
      end n1 a#1 @1
      start n1 a#2 @1
      end n1 a#2 @1`,
    )
    assert.deepEqual(verdict.violations, [])
    assert.equal(verdict.figures.reruns, 0)
  })

  it('passes an item of unknown outcome whether it ran or not', () => {
    const verdict = check(
      'a#1 a#3',
      `
      start n1 a#1 @1
      end n1 a#1 @1
      start n1 a#3 @1
      end n1 a#3 @1`,
      { unknown: items('a#2 a#4') },
    )
    assert.deepEqual(verdict.violations, [])
  })

  it('finds a lost item', () => {
    assert.deepEqual(kinds(check('a#1 a#2', 'start n1 a#1 @1\nend n1 a#1 @1')), ['lost'])
  })

  it('takes no item for lost that the database still has', () => {
    const ended = 'start n1 a#1 @1\nend n1 a#1 @1'
    assert.deepEqual(check('a#1 a#2', ended, { open: items('a#2') }).violations, [])
    assert.deepEqual(kinds(check('a#1 a#2 a#3', ended, { open: items('a#3') })), ['lost'])
  })

  it('finds an item that only failed', () => {
    assert.deepEqual(kinds(check('a#1', 'start n1 a#1 @1\nfail n1 a#1 @1')), ['lost'])
  })

  it('finds an item that nobody accepted', () => {
    assert.deepEqual(kinds(check('b#1', 'start n1 a#1 @1\nend n1 a#1 @1\nstart n1 b#1 @1\nend n1 b#1 @1')), [
      'unexpected',
    ])
  })

  it('finds a later item that ran first', () => {
    assert.deepEqual(
      kinds(check('a#1 a#2', 'start n1 a#2 @1\nend n1 a#2 @1\nstart n1 a#1 @1\nend n1 a#1 @1')),
      ['reordered'],
    )
  })

  it('finds an item that overtook one between its attempts', () => {
    const verdict = check(
      'a#1 a#2',
      `
      start n1 a#1 @1
      fail n1 a#1 @1
      start n1 a#2 @1
      end n1 a#2 @1
      start n1 a#1 @1 again
      end n1 a#1 @1`,
    )
    assert.deepEqual(kinds(verdict), ['reordered'])
  })

  it('finds that a takeover skipped an item', () => {
    const verdict = check(
      'a#1 a#2 a#3',
      `
      start n1 a#1 @1
      end n1 a#1 @1
      kill n1
      gone n1
      start n2 a#3 @2
      end n2 a#3 @2
      start n2 a#2 @2
      end n2 a#2 @2`,
    )
    assert.deepEqual(kinds(verdict), ['reordered'])
  })

  it('finds an item that ran again without what had run after it', () => {
    const verdict = check(
      'a#1 a#2 a#3',
      `
      start n1 a#1 @1
      end n1 a#1 @1
      start n1 a#2 @1
      end n1 a#2 @1
      kill n1
      gone n1
      start n2 a#1 @2
      end n2 a#1 @2
      start n2 a#3 @2
      end n2 a#3 @2`,
    )
    assert.deepEqual(kinds(verdict), ['reordered'])
  })

  it('finds two items of a key at the same time', () => {
    const verdict = check(
      'a#1 a#2',
      `
      start n1 a#1 @1
      start n1 a#2 @1
      end n1 a#1 @1
      end n1 a#2 @1`,
    )
    assert.ok(kinds(verdict).includes('overlapping'))
  })

  it('finds the same item on two processes at the same time', () => {
    const verdict = check(
      'a#1',
      `
      start n1 a#1 @1
      start n2 a#1 @2
      end n1 a#1 @1 refused
      end n2 a#1 @2`,
    )
    assert.ok(kinds(verdict).includes('overlapping'))
  })

  it('finds an item that ran twice although no process was lost', () => {
    const verdict = check('a#1', 'start n1 a#1 @1\nend n1 a#1 @1\nstart n2 a#1 @2\nend n2 a#1 @2')
    assert.deepEqual(kinds(verdict), ['repeated'])
  })

  it('finds a repetition under the same token', () => {
    const verdict = check('a#1', 'start n1 a#1 @1\nend n1 a#1 @1\nstart n1 a#1 @1\nend n1 a#1 @1')
    assert.deepEqual(kinds(verdict).toSorted(), ['reordered', 'repeated'])
  })

  it('finds more reruns after a kill than may be', () => {
    const verdict = check('a#1 a#2', killed, { limits: { ...limits, rerunsPerLoss: 1 } })
    assert.deepEqual(kinds(verdict), ['too-many-reruns'])
  })

  it('finds an item that started again too late', () => {
    const verdict = check('a#1 a#2', killed, { limits: { ...limits, restartMs: 6000 } })
    assert.deepEqual(kinds(verdict), ['late'])
  })

  it('finds a partition that rested', () => {
    const verdict = check('a#1 a#2', killed, { limits: { ...limits, idleMs: 5000 } })
    assert.deepEqual(kinds(verdict), ['idle'])
  })

  it('counts what a frozen process did too late, and what ran beside it', () => {
    const { violations, figures } = check(
      'a#1',
      `
      start n1 a#1 @1
      pause n1
      start n2 a#1 @2
      end n2 a#1 @2
      resume n1
      end n1 a#1 @1 refused`,
    )
    assert.deepEqual(violations, [])
    assert.equal(figures.old, 1)
    assert.equal(figures.fencedOverlaps, 1)
  })

  it('finds a process that went in the middle of an item by itself', () => {
    const verdict = check(
      'a#1',
      `
      start n1 a#1 @1
      gone n1
      start n2 a#1 @2
      end n2 a#1 @2`,
    )
    assert.deepEqual(kinds(verdict).toSorted(), ['lost', 'repeated'])
  })

  it('passes what runs again after the database was away, and no more than that', () => {
    const cut = `
      start n1 a#1 @1
      end n1 a#1 @1
      fault *
      at 9000
      start n2 a#1 @2
      end n2 a#1 @2`
    assert.deepEqual(check('a#1', cut).violations, [])
    const many = check('a#1', cut, { limits: { ...limits, rerunsPerLoss: 0 } })
    assert.deepEqual(kinds(many), ['too-many-reruns'])
  })

  it('finds what ran again on a node that was not cut off', () => {
    const verdict = check(
      'a#1 b#1',
      `
      start n1 a#1 @1
      end n1 a#1 @1
      start n2 b#1 @1
      end n2 b#1 @1
      fault n2
      start n2 a#1 @2
      end n2 a#1 @2`,
    )
    assert.deepEqual(kinds(verdict), ['repeated'])
  })

  it('allows each loss of a node its reruns', () => {
    const twice = `
      start n1 a#1 @1
      end n1 a#1 @1
      fault n1
      start n1 a#1 @2
      end n1 a#1 @2
      at 9000
      fault n1
      start n2 a#1 @3
      end n2 a#1 @3`
    const { violations, figures } = check('a#1', twice, { limits: { ...limits, rerunsPerLoss: 1 } })
    assert.deepEqual(violations, [])
    assert.equal(figures.losses, 2)
  })

  it('finds a process that went by itself while the database was away', () => {
    const verdict = check(
      'a#1',
      `
      start n1 a#1 @1
      fault *
      gone n1
      start n2 a#1 @2
      end n2 a#1 @2`,
    )
    assert.deepEqual(kinds(verdict), ['lost'])
  })

  it('tells how long a process that was woken went on with an old token', () => {
    const { violations, figures } = check(
      'a#1 b#1',
      `
      start n1 a#1 @1
      pause n1
      start n2 a#1 @2
      end n2 a#1 @2
      at 5000
      resume n1
      at 5700
      start n1 b#1 @1 refused
      start n2 b#1 @2
      end n2 b#1 @2`,
    )
    assert.deepEqual(violations, [])
    assert.equal(figures.longestZombieMs, 700)
  })
})
