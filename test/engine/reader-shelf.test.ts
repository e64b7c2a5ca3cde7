import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { Reader, type ReaderParts } from '../../src/engine/reader.ts'

test('what was read ahead of a queue that is paused takes no share of the others, and is read again', async () => {
  const partitions = [1, 2].map(
    (queue) =>
      new OwnedPartition(
        { queue, partition: 0, generation: 1, epoch: 1, done: [], indexedTo: 0 },
        { keyed: false, startable: false },
      ),
  )
  const [paused, going] = partitions as [OwnedPartition, OwnedPartition]
  const text = `[${' '.repeat(9_000_000)}]`
  paused.shelf.push({ queue: 1, partition: 0, seq: 0, flush: '', at: 0, count: 1, text })
  paused.control.state = 'paused'
  const read: { queues: number[]; bytes: number }[] = []
  const parts = {
    owned: new Map(partitions.map((one) => [one.name, one])),
    dispatcher: { isPlenty: () => false, pump: () => {} },
    bound: { prefetch: () => {} },
    stream: {
      read: (asked: readonly { queue: number }[], { bytes }: { bytes: number }) => {
        read.push({ queues: asked.map(({ queue }) => queue), bytes })
        return Promise.resolve([])
      },
    },
  }
  const reader = new Reader(parts as unknown as ReaderParts)
  going.hinted = true
  await reader.tick()
  assert.equal(paused.shelf.length, 0)
  assert.equal(paused.nextSeq, 0)
  assert.deepEqual(read, [{ queues: [2], bytes: 8_000_000 }])
  paused.control.state = 'running'
  await reader.tick()
  assert.deepEqual(read[1]?.queues, [1])
})
