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
  size: number
}

/** Characters of a row; a longer item has one of its own. */
export const maxRowSize = 4_000_000

/** Items on their way into the log: one row per partition, split at 4,096 items or 4 MB. Ids are known as they are put in. */
export class AppendBatch implements Gathering {
  readonly #topology: Topology
  readonly #now: number
  readonly #open = new Map<number, OpenRow>()
  readonly #rows: OpenRow[] = []
  size = 0

  /** @param now milliseconds for the ids */
  constructor(topology: Topology, now: number) {
    this.#topology = topology
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0
  }

  put(queue: QueueRow, key: string | null, text: string): QueueItemId {
    const row = this.#rowFor(queue, key, text.length)
    row.texts.push(text)
    row.size += text.length
    this.size += text.length
    return itemIdAt(row.flush, row.texts.length - 1)
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
      size: 0,
    }
    this.#open.set(slot, opened)
    this.#rows.push(opened)
    return opened
  }
}
