import { createRowId, itemIdAt, itemsPerRow, type QueueItemId } from '../base/ids.ts'
import type { QueueRow } from '../store/topology.ts'
import type { AppendRow } from '../stream/stream.ts'
import type { Gathering } from './group-commit.ts'
import type { Topology } from './topology.ts'

interface OpenRow {
  readonly queue: number
  readonly partition: number
  readonly generation: number
  readonly flush: string
  readonly texts: string[]
  readonly keys: (string | null)[]
  /** Which item of the batch stands there. */
  readonly numbers: number[]
  size: number
}

/** Characters of a row; a longer item has one of its own. */
export const maxRowSize = 4_000_000

/** Items on their way into the log: one row per partition, split at 4,096 items or 4 MB. Ids are known as they are put in. */
export class AppendBatch implements Gathering {
  #topology: Topology
  readonly #now: number
  readonly #open = new Map<number, OpenRow>()
  #rows: OpenRow[] = []
  readonly #ids: QueueItemId[] = []
  size = 0

  /** @param now milliseconds for the ids */
  constructor(topology: Topology, now: number) {
    this.#topology = topology
    this.#now = now
  }

  get count(): number {
    return this.#ids.length
  }

  get isEmpty(): boolean {
    return this.#ids.length === 0
  }

  /** @returns its number in the batch */
  add(queue: QueueRow, key: string | null, text: string): number {
    const number = this.#ids.length
    this.#place(queue, key, text, number)
    this.size += text.length
    return number
  }

  put(queue: QueueRow, key: string | null, text: string): QueueItemId {
    return this.idAt(this.add(queue, key, text))
  }

  /** The id of an item, which is another one after `replace`. */
  idAt(number: number): QueueItemId {
    return this.#ids[number] as QueueItemId
  }

  /** The partitions have changed: the same items in the same order, in other rows. */
  replace(topology: Topology = this.#topology): void {
    const rows = this.#rows
    this.#topology = topology
    this.#rows = []
    this.#open.clear()
    for (const { queue, texts, keys, numbers } of rows)
      for (const [at, text] of texts.entries())
        this.#place(
          topology.byNumber(queue) as QueueRow,
          keys[at] as string | null,
          text,
          numbers[at] as number,
        )
  }

  /** All items, in the order of each key. */
  *items(): Generator<{ id: QueueItemId; queue: number; key: string | null; text: string }> {
    for (const { queue, texts, keys, numbers } of this.#rows)
      for (const [at, text] of texts.entries())
        yield { id: this.idAt(numbers[at] as number), queue, key: keys[at] as string | null, text }
  }

  rows(): AppendRow[] {
    return this.#rows.map((row) => ({
      queue: row.queue,
      partition: row.partition,
      generation: row.generation,
      flush: row.flush,
      count: row.texts.length,
      text: `[${row.texts.join(',')}]`,
    }))
  }

  places(): { queue: number; partition: number }[] {
    return this.#rows
  }

  #place(queue: QueueRow, key: string | null, text: string, number: number): void {
    const row = this.#rowFor(queue, key, text.length)
    this.#ids[number] = itemIdAt(row.flush, row.texts.length)
    row.texts.push(text)
    row.keys.push(key)
    row.numbers.push(number)
    row.size += text.length
  }

  // Unkeyed items of a queue share one row (slot 4096), whatever its partition.
  #rowFor(queue: QueueRow, key: string | null, size: number): OpenRow {
    const place = key === null ? undefined : this.#topology.placeOf(queue, key, 0)
    const slot = queue.number * 8192 + (place ? place.partition : 4096)
    const row = this.#open.get(slot)
    if (row && row.texts.length < itemsPerRow && row.size + size <= maxRowSize) return row
    const at = place ?? this.#topology.placeOf(queue, null, this.#topology.nextTurn(queue.number))
    const opened: OpenRow = {
      ...at,
      flush: createRowId(at.queue, at.partition, this.#now),
      texts: [],
      keys: [],
      numbers: [],
      size: 0,
    }
    this.#open.set(slot, opened)
    this.#rows.push(opened)
    return opened
  }
}
