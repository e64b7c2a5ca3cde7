import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isCoatcheckError } from '../../src/base/errors.ts'
import {
  createRowId,
  createUuid,
  isItemId,
  itemIdAt,
  itemsPerRow,
  maxPartition,
  maxQueueNumber,
  parseItemId,
  rowIdOf,
} from '../../src/base/ids.ts'

const millisecondsOf = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const partsOf = fc.record(
  {
    milliseconds: millisecondsOf,
    partition: fc.integer({ min: 0, max: maxPartition }),
    queue: fc.integer({ min: 0, max: maxQueueNumber }),
    index: fc.integer({ min: 0, max: itemsPerRow - 1 }),
  },
  { noNullPrototype: true },
)

test('an id is read back as the parts it was made of', () => {
  fc.assert(
    fc.property(partsOf, (parts) => {
      const id = itemIdAt(createRowId(parts.queue, parts.partition, parts.milliseconds), parts.index)
      assert.deepEqual(parseItemId(id), parts)
      assert.deepEqual(parseItemId(id.toUpperCase()), parts)
    }),
  )
})

test('every id is a UUIDv8 of the right variant, and leads to its row', () => {
  fc.assert(
    fc.property(partsOf, (parts) => {
      const row = createRowId(parts.queue, parts.partition, parts.milliseconds)
      const id = itemIdAt(row, parts.index)
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      assert.ok(isItemId(id))
      assert.equal(rowIdOf(id), row)
      assert.equal(itemIdAt(row, 0), row)
    }),
  )
})

test('ids sort by time', () => {
  fc.assert(
    fc.property(partsOf, partsOf, (a, b) => {
      fc.pre(a.milliseconds !== b.milliseconds)
      const [idA, idB] = [a, b].map((parts) =>
        createRowId(parts.queue, parts.partition, parts.milliseconds),
      ) as [string, string]
      assert.equal(idA < idB, a.milliseconds < b.milliseconds)
    }),
  )
})

test('ids of one row sort by index', () => {
  const row = createRowId(1, 2, 3)
  const ids = Array.from({ length: itemsPerRow }, (_, index) => itemIdAt(row, index))
  assert.deepEqual(ids.toSorted(), ids)
  assert.equal(new Set(ids).size, itemsPerRow)
})

test('rows of one millisecond, queue and partition differ, beyond one filling of the random pool', () => {
  const rows = new Set(Array.from({ length: 5000 }, () => createRowId(1, 2, 3)))
  assert.equal(rows.size, 5000)
})

test('what is no id is refused by name', () => {
  const uuid4 = '0199f3a1-7c00-4001-8001-5f3c9a2b1000'
  const wrong = [
    uuid4,
    '',
    'x'.repeat(1000),
    '0199f3a17c0080018001005f3c9a2b1000',
    5,
    null,
    undefined,
    Object.create(null),
    Symbol('id'),
  ]
  for (const id of wrong) {
    assert.throws(
      () => parseItemId(id as string),
      (error) =>
        isCoatcheckError(error, 'ITEM_ID_INVALID') && error.status === 404 && error.message.length < 300,
    )
  }
  assert.throws(() => parseItemId(uuid4), {
    message: `"${uuid4}" is not a queue item id; ids look like 0199f3a1-7c00-8001-8001-5f3c9a2b1000`,
  })
  assert.ok(isItemId('0199f3a1-7c00-8001-8001-5f3c9a2b1000'), 'the id that the sentence shows')
})

test('a uuid for everything else is random', () => {
  assert.match(createUuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  assert.notEqual(createUuid(), createUuid())
})
