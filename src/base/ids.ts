import { CoatcheckError } from './errors.ts'
import { showValue } from './shown-value.ts'

/**
 * A queue item id is a UUIDv8 (RFC 9562, 5.8) that says where the item is:
 * 48 bits milliseconds, 12 partition, 14 queue number, 36 random bits of the log row, 12 index in the row.
 * So the id with index 0 is the `flush` of its log row, ids sort by time, and an id is known before the append is.
 */
export const itemsPerRow = 4096
export const maxQueueNumber = 0x3fff
export const maxPartition = 0xfff

/** The queue item id: a string that remembers, for the type checker only, what its result is. */
export type QueueItemId<Result = unknown> = string & { readonly ' result'?: Result }

export interface IdParts {
  readonly milliseconds: number
  readonly partition: number
  readonly queue: number
  readonly index: number
}

const hexOfIndex: string[] = Array.from({ length: itemsPerRow }, (_, index) =>
  index.toString(16).padStart(3, '0'),
)

const randomPool = new Uint32Array(2048)
let poolAt = randomPool.length

/** Makes a new row id (a `flush`): the id of the row's first item. */
export function createRowId(queue: number, partition: number, milliseconds: number): string {
  if (poolAt + 2 > randomPool.length) {
    globalThis.crypto.getRandomValues(randomPool)
    poolAt = 0
  }
  const high = (randomPool[poolAt++] ?? 0) & 0xf
  const low = randomPool[poolAt++] ?? 0
  const time = milliseconds.toString(16).padStart(12, '0')
  const random = high.toString(16) + low.toString(16).padStart(8, '0')
  // variant 10, then 14 bits of queue number
  const group = (0x8000 | queue).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-8${partition.toString(16).padStart(3, '0')}-${group}-${random}000`
}

/** The first id that an item accepted in this millisecond may have. */
export function firstIdOf(milliseconds: number): string {
  const time = Math.floor(milliseconds).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`
}

/** The last id that an item accepted in this millisecond may have. */
export function lastIdOf(milliseconds: number): string {
  const time = Math.ceil(milliseconds).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-8fff-bfff-ffffffffffff`
}

/** The id of the item at `index` (0–4095) of a row. */
export function itemIdAt(rowId: string, index: number): QueueItemId {
  return rowId.slice(0, 33) + hexOfIndex[index]
}

/** The `flush` of the row that an item id points at. */
export function rowIdOf(id: string): string {
  return `${id.slice(0, 33)}000`
}

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function isItemId(text: string): boolean {
  return pattern.test(text)
}

/**
 * Reads an id.
 * @throws CoatcheckError `ITEM_ID_INVALID`
 */
export function parseItemId(text: string): IdParts {
  const id = typeof text === 'string' ? text.toLowerCase() : ''
  if (!isItemId(id))
    throw new CoatcheckError(
      'ITEM_ID_INVALID',
      `${showValue(text)} is not a queue item id; ids look like 0199f3a1-7c00-8001-8001-5f3c9a2b1000`,
    )
  return {
    milliseconds: Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16),
    partition: Number.parseInt(id.slice(15, 18), 16),
    queue: Number.parseInt(id.slice(19, 23), 16) & maxQueueNumber,
    index: Number.parseInt(id.slice(33), 16),
  }
}

/** The UUID so many places behind another one. */
export function idBeside(id: string, places: 1 | -1): string {
  const hex = (BigInt(`0x${id.replaceAll('-', '')}`) + BigInt(places)).toString(16).padStart(32, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A random UUIDv4, for boot ids and correlation ids. */
export function createUuid(): string {
  return globalThis.crypto.randomUUID()
}
