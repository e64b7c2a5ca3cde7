import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { itemIdAt, itemsPerRow, parseItemId } from '../../src/base/ids.ts'
import { AppendBatch } from '../../src/engine/append-batch.ts'
import { hashOf, Topology } from '../../src/engine/topology.ts'
import type { OpenDatabase } from '../../src/store/database.ts'
import type { QueueRow } from '../../src/store/topology.ts'

const now = 1_700_000_000_000
/** To say where an item goes it asks no database. */
const noDatabase = {} as OpenDatabase
const batchOf = () => new AppendBatch(new Topology(noDatabase, []), now)

function queueOf(number: number, partitions: number, firstPartition = 0): QueueRow {
  return { number, name: `queue-${number}`, generation: number + 10, firstPartition, partitions }
}

describe('a batch on its way into the log', () => {
  test('has each item where its id says', () => {
    const queues = [queueOf(1, 6), queueOf(2, 3), queueOf(16383, 1, 4095)]
    const item = fc.record({
      queue: fc.constantFrom(...queues),
      key: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 })),
      input: fc.jsonValue(),
    })
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 60 }), (items) => {
        const batch = batchOf()
        const ids = items.map(({ queue, key, input }) => batch.put(queue, key, JSON.stringify(input)))
        assert.equal(new Set(ids).size, items.length)
        const rows = new Map(batch.rows().map((row) => [row.flush, row]))
        for (const [at, { queue, key, input }] of items.entries()) {
          const id = ids[at]!
          const { index, ...place } = parseItemId(id)
          const row = rows.get(itemIdAt(id, 0))!
          assert.deepEqual(place, { milliseconds: now, queue: queue.number, partition: row.partition })
          assert.deepEqual([row.queue, row.generation], [queue.number, queue.generation])
          const entries = JSON.parse(row.text) as unknown[]
          assert.equal(JSON.stringify(entries[index]), JSON.stringify(JSON.parse(JSON.stringify(input))))
          assert.equal(entries.length, row.count)
          const offset = row.partition - queue.firstPartition
          if (key === null) assert.ok(offset >= 0 && offset < queue.partitions)
          else assert.equal(offset, hashOf(key) % queue.partitions)
        }
        assert.deepEqual(
          batch.places().map(({ queue, partition }) => [queue, partition]),
          batch.rows().map(({ queue, partition }) => [queue, partition]),
        )
      }),
    )
  })

  test('splits a row at 4,096 items', () => {
    const batch = batchOf()
    const ids = Array.from({ length: 2 * itemsPerRow + 1 }, (_, at) => batch.put(queueOf(1, 6), 'k', `${at}`))
    const rows = batch.rows()
    assert.deepEqual(
      rows.map((row) => row.count),
      [4096, 4096, 1],
    )
    assert.deepEqual(
      ids,
      rows.flatMap((row) => Array.from({ length: row.count }, (_, at) => itemIdAt(row.flush, at))),
    )
    assert.deepEqual(
      rows.flatMap((row) => JSON.parse(row.text) as number[]),
      ids.map((_, at) => at),
    )
  })

  test('splits a row at four megabytes, and gives a longer item one of its own', () => {
    const batch = batchOf()
    const text = (size: number) => JSON.stringify('x'.repeat(size - 2))
    for (const size of [1e6, 1e6, 1e6, 1e6, 1, 5e6, 3]) batch.put(queueOf(1, 6), 'k', text(Math.max(size, 3)))
    assert.deepEqual(
      batch.rows().map((row) => [row.count, row.text.length]),
      [
        [4, 4_000_005],
        [1, 5],
        [1, 5_000_002],
        [1, 5],
      ],
    )
    assert.equal(batch.size, 9_000_006)
  })

  test('keeps the items without a key of one flush together, and the next ones elsewhere', () => {
    const topology = new Topology(noDatabase, [])
    const queue = queueOf(1, 6)
    const partitions = Array.from({ length: 6 }, () => {
      const batch = new AppendBatch(topology, now)
      for (let at = 0; at < 100; at++) batch.put(queue, null, '1')
      assert.equal(batch.rows().length, 1)
      return batch.rows()[0]!.partition
    })
    assert.equal(new Set(partitions).size, 6)
  })

  test('is empty at first', () => {
    const batch = batchOf()
    assert.ok(batch.isEmpty)
    batch.put(queueOf(1, 1), null, '1')
    assert.ok(!batch.isEmpty)
  })
})
