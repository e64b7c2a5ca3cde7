import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { extendReadTo } from '../store/crashes.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { StreamRow } from '../stream/stream.ts'
import type { OwnedPartition } from './owned-partition.ts'

export interface ReadBoundParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly events: Events
  readonly onFenced: (partition: OwnedPartition) => void
}

/** About so many items may be started beyond the bound's last move. Rows of one item each are few: then fewer. */
const itemsAhead = 32_768
const fewestRows = 16
const mostRows = 1_024

/**
 * Says in the database how far the log of a partition may be started, in strides ahead: should this node die, whoever takes
 * over knows what it can have been running. A stride is asked for when half of the last one is used, so that nothing waits.
 */
export class ReadBound {
  readonly #parts: ReadBoundParts
  #extending: Promise<void> | undefined

  constructor(parts: ReadBoundParts) {
    this.#parts = parts
  }

  /** Asks for more where rows that were just read come near the bound. */
  prefetch(
    wanted: readonly { readonly partition: OwnedPartition; readonly rows: readonly StreamRow[] }[],
  ): void {
    if (this.#extending) return
    const near: { partition: OwnedPartition; readTo: number }[] = []
    for (const { partition, rows } of wanted) {
      const last = rows.at(-1)
      if (!last) continue
      const rowsAhead = strideOf(rows)
      const end = (last.seq + 1) * itemsPerRow
      if (partition.readTo - end < (rowsAhead * itemsPerRow) / 2)
        near.push({ partition, readTo: end + rowsAhead * itemsPerRow })
    }
    if (near.length === 0) return
    // Should it fail, it is tried again by whoever cannot do without.
    this.#extend(near).catch((error: unknown) =>
      this.#parts.events.emit('problem', { where: 'read-bound', error }),
    )
  }

  /** Resolves when all up to the partition's next seq may start, or the partition is lost. */
  async cover(partition: OwnedPartition): Promise<void> {
    await this.#extending?.catch(() => {})
    const end = partition.nextSeq * itemsPerRow
    if (partition.lost || partition.readTo >= end) return
    await this.#extend([{ partition, readTo: end + fewestRows * itemsPerRow }])
  }

  #extend(wanted: readonly { readonly partition: OwnedPartition; readonly readTo: number }[]): Promise<void> {
    const extending = this.#send(wanted).finally(() => {
      if (this.#extending === extending) this.#extending = undefined
    })
    this.#extending = extending
    return extending
  }

  async #send(
    wanted: readonly { readonly partition: OwnedPartition; readonly readTo: number }[],
  ): Promise<void> {
    const { database, bootId, onFenced } = this.#parts
    const owned = await extendReadTo(
      database.driver,
      database.schema,
      bootId,
      wanted.map(({ partition, readTo }) => ({
        queue: partition.queue,
        partition: partition.partition,
        epoch: partition.epoch,
        readTo,
      })),
    )
    const names = new Set(owned.map(({ queue, partition }) => `${queue}/${partition}`))
    for (const { partition, readTo } of wanted) {
      if (names.has(partition.name)) partition.readTo = Math.max(partition.readTo, readTo)
      else onFenced(partition)
    }
  }
}

/** How many rows ahead: by the items that those that were read hold. */
function strideOf(rows: readonly StreamRow[]): number {
  let items = 0
  for (const { count } of rows) items += count
  const rowsOfItems = Math.ceil((itemsAhead * rows.length) / Math.max(1, items))
  return Math.min(mostRows, Math.max(fewestRows, rowsOfItems))
}
