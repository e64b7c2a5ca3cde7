import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RangeSet } from '../../src/engine/range-set.ts'

const end = 60
const range = fc
  .tuple(fc.nat(end - 1), fc.integer({ min: 1, max: 12 }))
  .map(([start, length]) => [start, Math.min(end, start + length)] as const)
const ranges = fc.array(range, { maxLength: 30 })

/** What a set of ranges is: the positions in it. */
function naive(added: readonly (readonly [number, number])[]): boolean[] {
  const positions = Array.from({ length: end }, () => false)
  for (const [from, to] of added) positions.fill(true, from, to)
  return positions
}

/** The maximal runs of positions that are in it. */
function runs(positions: readonly boolean[]): [number, number][] {
  const found: [number, number][] = []
  for (const [at, isIn] of positions.entries()) {
    if (!isIn) continue
    const last = found.at(-1)
    if (last && last[1] === at) last[1] = at + 1
    else found.push([at, at + 1])
  }
  return found
}

describe('a set of ranges', () => {
  test('holds what a set of positions holds, after every addition', () => {
    fc.assert(
      fc.property(ranges, (given) => {
        const set = new RangeSet()
        for (const [at, [from, to]] of given.entries()) {
          set.add(from, to)
          const expected = naive(given.slice(0, at + 1))
          for (const [position, isIn] of expected.entries())
            assert.equal(set.has(position), isIn, `${position} in ${String(set)}`)
          const wanted = runs(expected)
          assert.equal(set.size, wanted.length)
          assert.equal(String(set), `{${wanted.map(([a, b]) => `[${a},${b})`).join(',')}}`)
          assert.equal(set.watermark, wanted[0]?.[0] === 0 ? wanted[0][1] : 0)
          const visited: [number, number][] = []
          set.each((start, stop) => visited.push([start, stop]))
          assert.deepEqual(visited, wanted)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('can be made of ranges in any order', () => {
    fc.assert(
      fc.property(ranges, (given) => {
        assert.equal(String(new RangeSet(given)), String(new RangeSet(given.toReversed())))
      }),
    )
  })

  test('is empty at first', () => {
    const set = new RangeSet()
    assert.deepEqual([set.size, set.watermark, set.has(0), String(set)], [0, 0, false, '{}'])
  })

  test('keeps positions beyond 32 bits apart', () => {
    const far = 4096 * 2 ** 33
    const set = new RangeSet([
      [0, 4096],
      [far, far + 1],
      [far + 2, far + 3],
    ])
    assert.deepEqual(
      [set.has(far), set.has(far + 1), set.has(far + 2), set.watermark],
      [true, false, true, 4096],
    )
  })
})
