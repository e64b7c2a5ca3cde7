import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { check, kinds, limits } from './history-text.ts'

describe('the history checker, of what a loss explains', () => {
  const again = (before: string, between: string): string => `
      at ${before}
      start n1 a#1 @1
      end n1 a#1 @1
      at ${between}
      start n2 a#1 @2
      end n2 a#1 @2`

  it('passes what had ended just before a loss, or was run just after it, and again', () => {
    assert.deepEqual(check('a#1', again('0', '11000\nkill n1\ngone n1\nat 60000')).violations, [])
    assert.deepEqual(check('a#1', `fault n1\n${again('11000', '60000')}`).violations, [])
  })

  it('finds what ran again, and had ended long before the loss', () => {
    const verdict = check('a#1', again('0', '13000\nkill n1\ngone n1\nat 14000'))
    assert.deepEqual(kinds(verdict), ['repeated'])
  })

  it('finds what ran again, and was run long after the loss', () => {
    assert.deepEqual(kinds(check('a#1', `fault *\n${again('13000', '14000')}`)), ['repeated'])
  })

  it('allows no reruns twice for what is lost within one lease', () => {
    const text = `
      start n1 a#1 @1
      end n1 a#1 @1
      start n1 a#2 @1
      end n1 a#2 @1
      fault *
      at 5000
      fault n1
      start n2 a#1 @2
      end n2 a#1 @2
      start n2 a#2 @2
      end n2 a#2 @2`
    assert.deepEqual(kinds(check('a#1 a#2', text, { limits: { ...limits, rerunsPerLoss: 1 } })), [
      'too-many-reruns',
    ])
  })

  it('finds two of a key at once where the loss of the first is long ago', () => {
    const verdict = check('a#1', 'fault n1\nat 20000\nstart n1 a#1 @1\nstart n2 a#1 @2\nend n2 a#1 @2')
    assert.deepEqual(kinds(verdict).toSorted(), ['overlapping', 'repeated'])
  })

  it('finds an old token of a node that was not lost, also where the sink refused it', () => {
    for (const flag of ['', ' refused']) {
      const verdict = check(
        'a#1 b#1',
        `
        fault n2
        start n2 a#1 @2
        end n2 a#1 @2
        start n1 b#1 @1${flag}
        start n2 b#1 @2
        end n2 b#1 @2`,
      )
      assert.deepEqual(kinds(verdict), ['stale'])
      assert.equal(verdict.figures.old, 1)
    }
  })

  it('passes what a sink that refuses nothing heard of one that was frozen, long after it was woken too', () => {
    const { violations, figures } = check(
      'a#1 b#1',
      `
      start n1 a#1 @1
      pause n1
      start n2 a#1 @2
      end n2 a#1 @2
      resume n1
      start n1 b#1 @1
      at 30000
      end n1 a#1 @1
      end n1 b#1 @1
      start n2 b#1 @2
      end n2 b#1 @2`,
    )
    assert.deepEqual(violations, [])
    assert.equal(figures.old, 3)
  })

  it('does not take what ended with an old token for done', () => {
    const verdict = check(
      'a#1 b#1',
      'start n2 b#1 @2\nend n2 b#1 @2\nfault n1\nstart n1 a#1 @1\nend n1 a#1 @1',
    )
    assert.deepEqual(kinds(verdict), ['lost'])
  })
})
