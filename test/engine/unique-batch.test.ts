import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createRowId, itemIdAt, itemsPerRow, parseItemId, rowIdOf } from '../../src/base/ids.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { openDatabase } from '../../src/store/database.ts'
import { appendUnique, expireUniqueKeys, type UniqueRequest } from '../../src/store/unique-keys.ts'
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

test('a flush that is sent again is answered as the first time, whatever has become of its keys', async (t) => {
  const ran: string[] = []
  const add = defineQueueProcessor({
    name: 'add',
    input: z.string(),
    dedicated: { partitions: 1 },
    process: (input) => void ran.push(input),
  })
  const node = await setup(t, [add])
  const { driver, schema } = await openDatabase(node.place)
  t.after(() => driver.close())
  const known = { uniqueFor: '10 s' }
  const old = await node.enqueue(add, 'old', { ...known, uniqueKey: 'there' })
  const { queue } = parseItemId(old)
  const flush = createRowId(queue, 0, Date.now())
  const item = (at: number, key: string, keptMs: number): UniqueRequest['items'][number] => ({
    row: 1,
    id: itemIdAt(flush, at),
    scope: 'add',
    key,
    entry: JSON.stringify({ d: 'add', i: key }),
    kept_ms: keptMs,
    digest: key,
  })
  const request: UniqueRequest = {
    rows: [{ queue, partition: 0, generation: 1, flush }],
    items: [item(0, 'new', 86_400_000), item(1, 'there', 86_400_000), item(2, 'short', 1_000)],
  }
  // The payload is another one: it is looked at as long as the key stands.
  const there = { clash: old }
  const send = async () => {
    const options = { notAfter: Number.MAX_SAFE_INTEGER, timeoutMs: 5_000, leaveBusy: false }
    return (await appendUnique(driver, schema, request, options)).fates
  }
  const first = await send()
  assert.deepEqual(first, [itemIdAt(flush, 0), there, itemIdAt(flush, 2)])
  await node.advance('30 s')
  await expireUniqueKeys(driver, schema, 100)
  assert.deepEqual(await send(), first, 'their time is over')
  await node.enqueue(add, 'after', { ...known, uniqueKey: 'short' })
  assert.deepEqual(await send(), first, 'the key stands for another item by now')
  await driver.query(`delete from ${schema}.unique_key`)
  const [own, gone, short] = await send()
  assert.deepEqual([own, short], [first[0], first[2]])
  assert.deepEqual(gone, { busy: true }, 'nothing is told to be there that is not')
  assert.equal((await node.accept(add, 'anew', { uniqueKey: 'there' })).outcome, 'new')
  await node.drain()
  assert.deepEqual(ran.toSorted(), ['after', 'anew', 'new', 'old', 'short'])
})

test('a key whose time is over begins anew, and is deleted two minutes later', async (t) => {
  const add = defineQueueProcessor({ name: 'add', input: z.string(), process: () => {} })
  const node = await setup(t, [add], { start: false })
  const { driver, schema } = await openDatabase(node.place)
  t.after(() => driver.close())
  for (const uniqueKey of ['a', 'b', 'c']) await node.enqueue(add, 'x', { uniqueKey, uniqueFor: '10 s' })
  await node.enqueue(add, 'x', { uniqueKey: 'kept' })
  await node.advance('11 s')
  assert.equal((await node.accept(add, 'y', { uniqueKey: 'c' })).outcome, 'new')
  assert.equal(await expireUniqueKeys(driver, schema, 100), 0)
  await node.advance('2 minutes')
  assert.equal(await expireUniqueKeys(driver, schema, 1), 1)
  assert.equal(await expireUniqueKeys(driver, schema, 100), 1)
  const { rows } = await driver.query(`select key from ${schema}.unique_key order by key`)
  assert.deepEqual(
    rows.map((row) => row['key'] as string),
    ['c', 'kept'],
  )
})
