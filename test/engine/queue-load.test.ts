import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { queueLoads } from '../../src/engine/queue-load.ts'

function partitionOf(queue: number, partition: number, loaded: number, loadedSize: number): OwnedPartition {
  const owned = new OwnedPartition(
    { queue, partition, generation: 1, epoch: 1, done: [], indexedTo: 0 },
    { keyed: false, startable: false },
  )
  return Object.assign(owned, { loaded, loadedSize })
}

test('a queue is full by what all its partitions hold, and the others are not', () => {
  const loads = queueLoads([
    partitionOf(1, 0, 2_500, 0),
    partitionOf(1, 1, 2_500, 0),
    partitionOf(2, 0, 10, 16_000_000),
    partitionOf(2, 1, 10, 16_000_000),
    partitionOf(3, 0, 4_999, 15_000_000),
  ])
  assert.deepEqual(
    Array.from(loads, ([queue, { isFull }]) => [queue, isFull]),
    [
      [1, true],
      [2, true],
      [3, false],
    ],
  )
})

for (const [what, loaded, size] of [
  ['items', 1, 0],
  ['characters', 0, 6_000],
] as const)
  test(`queues that come one after the other never fill the memory with ${what}, and each gets some in`, () => {
    const partitions = Array.from({ length: 40 }, (_, queue) => partitionOf(queue, 0, 0, 0))
    const isFull = (queue: number): boolean => queueLoads(partitions).get(queue)?.isFull === true
    for (const partition of partitions)
      while (!isFull(partition.queue)) {
        partition.loaded += loaded * 50
        partition.loadedSize += size * 50
      }
    const sum = (of: (partition: OwnedPartition) => number): number =>
      partitions.reduce((all, partition) => all + of(partition), 0)
    // A portion more than the bound is what the last one to come took in.
    assert.ok(sum((one) => one.loaded) <= 60_000 + 40 * 50)
    assert.ok(sum((one) => one.loadedSize) <= 64_000_000 + 40 * 300_000)
    assert.ok(partitions.every((one) => one.loaded >= loaded * 250 && one.loadedSize >= size * 50))
  })
