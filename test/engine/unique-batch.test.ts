import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { itemsPerRow, parseItemId, rowIdOf } from '../../src/base/ids.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from '../flows/setup.ts'

test('more items with unique keys than a row holds are accepted in one flush', async (t) => {
  const ran = new Set<number>()
  const step = defineQueueProcessor({
    name: 'step',
    input: z.object({ n: z.number(), text: z.string() }),
    dedicated: { partitions: 1 },
    process: ({ n }) => void ran.add(n),
  })
  const node = await setup(t, [step])
  const count = itemsPerRow + 10
  const enqueue = (n: number, text = '') => node.enqueue(step, { n, text }, { uniqueKey: `key ${n}` })
  const ids = await Promise.all(Array.from({ length: count }, (_, n) => enqueue(n)))
  assert.equal(new Set(ids).size, count)
  assert.equal(new Set(ids.map(rowIdOf)).size, 2)
  assert.equal(parseItemId(ids.at(-1)!).index, 9)
  // The same keys again: the first ones' ids, over the rows.
  assert.deepEqual(await Promise.all([0, itemsPerRow - 1, itemsPerRow, count - 1].map((n) => enqueue(n))), [
    ids[0],
    ids[itemsPerRow - 1],
    ids[itemsPerRow],
    ids[count - 1],
  ])
  // A row is split at four megabytes too.
  const large = await Promise.all([1, 2, 3, 4, 5].map((n) => enqueue(count + n, 'x'.repeat(990_000))))
  assert.equal(new Set(large.map(rowIdOf)).size, 2)
  await node.drain()
  assert.equal(ran.size, count + 5)
  for (const id of [ids[0]!, ids.at(-1)!, ...large])
    assert.equal((await node.item(id))?.state, 'succeeded', id)
})
