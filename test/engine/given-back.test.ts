import assert from 'node:assert/strict'
import { test } from 'node:test'
import { giveBack } from '../../src/engine/given-back.ts'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { SettlementBatch, type Note } from '../../src/engine/settlement-batch.ts'
import { mergedRow } from '../../src/engine/settlement-rows.ts'
import { WorkItem } from '../../src/engine/work-item.ts'

test('an item that is given back in the batch that would say that it runs is ready, and one that has ended since has ended', () => {
  const partition = new OwnedPartition(
    { queue: 1, partition: 0, generation: 1, epoch: 1, done: [], indexedTo: 0 },
    { keyed: false, startable: false },
  )
  const origin = { flush: '0199f3a1-7c00-8001-8001-5f3c9a2b1000', at: 1, itemSize: 1 }
  const work = new WorkItem({
    partition,
    processor: undefined,
    entry: { d: 'd', i: 1 },
    origin,
    index: 0,
    position: 0,
    end: 4096,
    waiting: undefined,
  })
  const running = (): Note => ({
    partition,
    ranges: [],
    holesIn: [],
    holesOut: [],
    indexed: { rows: new Map([[work.id, mergedRow(work, 'running', 1)]]), to: 0 },
  })
  const statesOf = (...notes: Note[]): string[] => {
    const { merged } = new SettlementBatch([], notes).compose(1, false, () => [])
    return (JSON.parse(merged ?? '[]') as { state: string }[]).map(({ state }) => state)
  }
  assert.equal(giveBack(work), undefined)
  work.publish()
  // As its progress does, which is published later.
  work.published = false
  const back = giveBack(work)
  assert.ok(back)
  assert.deepEqual(statesOf(running()), ['running'])
  assert.deepEqual(statesOf(running(), back), [])
  assert.deepEqual(statesOf(running(), back, running()), ['running'])
  const cancelled = {
    ...running(),
    indexed: { rows: new Map([[work.id, mergedRow(work, 'cancelled', 1)]]), to: 0 },
  }
  assert.deepEqual(statesOf(cancelled, back), ['cancelled'])
})
