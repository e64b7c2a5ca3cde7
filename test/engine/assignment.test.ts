import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assignPartitions, assignToBeating } from '../../src/engine/assignment.ts'

const partitions = (queue: number, count: number) =>
  Array.from({ length: count }, (_, partition) => ({ queue, partition }))

const nodes = (count: number, queues = [1], types = ['background']) =>
  Array.from({ length: count }, (_, at) => ({
    bootId: `0000000${at}-cafe`,
    name: 'n',
    types,
    queues,
  }))

function shares(assigned: ReadonlyMap<string, string>): number[] {
  return [...Map.groupBy(assigned.values(), (owner) => owner).values()].map((list) => list.length)
}

describe('who should own which partition', () => {
  it('is shared evenly, whatever the numbers', () => {
    for (let count = 1; count <= 9; count++)
      for (let of = 1; of <= 24; of++) {
        const got = shares(assignPartitions(nodes(count), partitions(1, of)))
        assert.equal(got.length, Math.min(count, of), `${of} partitions on ${count} nodes: ${got.join(', ')}`)
        assert.ok(Math.max(...got) - Math.min(...got) <= 1, `${of} on ${count}: ${got.join(', ')}`)
        assert.equal(
          got.reduce((sum, one) => sum + one),
          of,
        )
      }
  })

  it('does not hang on the order of the rows', () => {
    const all = nodes(5)
    const forward = assignPartitions(all, partitions(1, 16))
    const backward = assignPartitions(all.toReversed(), partitions(1, 16).toReversed())
    assert.deepEqual(Object.fromEntries(forward), Object.fromEntries(backward))
  })

  it('leaves a queue to the nodes that have a handler for it', () => {
    const assigned = assignPartitions(
      [...nodes(2, [1]), { bootId: 'other', name: 'n', types: ['background'], queues: [2] }],
      [...partitions(1, 4), ...partitions(2, 4), ...partitions(3, 4)],
    )
    for (const [name, owner] of assigned) assert.equal(owner === 'other', name.startsWith('2/'))
    assert.equal(assigned.size, 8)
  })

  it('gives nothing to nodes that only accept', () => {
    assert.equal(assignPartitions(nodes(2, [1], ['web']), partitions(1, 4)).size, 0)
  })

  it('passes over a node whose heartbeat is late, for what it should have and no more', () => {
    const all = nodes(4).map((node, at) => ({ ...node, beats: at !== 2 }))
    const late = all[2]?.bootId
    const usual = assignPartitions(all, partitions(1, 12))
    const assigned = assignToBeating(all, partitions(1, 12))
    for (const [name, owner] of usual)
      if (owner === late) assert.notEqual(assigned.get(name), late)
      else assert.equal(assigned.get(name), owner)
  })

  it('moves little when a node comes', () => {
    const before = assignPartitions(nodes(3), partitions(1, 24))
    const after = assignPartitions(nodes(4), partitions(1, 24))
    const moved = [...after].filter(([name, owner]) => before.get(name) !== owner).length
    assert.ok(moved <= 12, `${moved} of 24 moved`)
  })
})
