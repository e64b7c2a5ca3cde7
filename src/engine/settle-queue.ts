import { GatherRoom } from './gathered.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { SettlementBatch, type Note } from './settlement-batch.ts'
import { isUnordered, type WorkItem } from './work-item.ts'

/** A settle that is to begin. */
export interface NextSettle {
  readonly batch: SettlementBatch
  /** Whether it has more than items without a key. */
  readonly isOrdered: boolean
}

/** What waits to be settled: plain outcomes that have an order among them, those without a key, which have none, and notes. */
export class SettleQueue {
  readonly #most: number
  #ordered: WorkItem[] = []
  #free: WorkItem[] = []
  #notes: Note[] = []
  /** Items among them that have enqueued others. */
  #laden = 0

  /** @param most items of one settle */
  constructor(most: number) {
    this.#most = most
  }

  /** Items that wait. */
  get size(): number {
    return this.#ordered.length + this.#free.length
  }

  get free(): number {
    return this.#free.length
  }

  get ordered(): readonly WorkItem[] {
    return this.#ordered
  }

  get notes(): readonly Note[] {
    return this.#notes
  }

  /** @returns whether it has no order */
  add(work: WorkItem): boolean {
    if (work.attempt?.gathered) this.#laden++
    const isFree = isUnordered(work)
    if (isFree) this.#free.push(work)
    else this.#ordered.push(work)
    return isFree
  }

  addNote(note: Note): void {
    this.#notes.push(note)
  }

  hasNotes(partition: OwnedPartition): boolean {
    return this.#notes.some((note) => note.partition === partition)
  }

  /** Takes what one settle may carry, oldest first. */
  take(withOrdered: boolean): NextSettle | undefined {
    const isOrdered = withOrdered && (this.#ordered.length > 0 || this.#notes.length > 0)
    const room = new GatherRoom()
    const ordered = isOrdered ? this.#first(this.#ordered, this.#most, room) : []
    if (isOrdered) this.#ordered = this.#ordered.slice(ordered.length)
    const free = this.#first(this.#free, this.#most - ordered.length, room)
    this.#free = this.#free.slice(free.length)
    // Notes keep their place behind what had ended before them.
    const withNotes = isOrdered && this.size === 0
    const batch = new SettlementBatch([...ordered, ...free], withNotes ? this.#notes : [])
    if (batch.size === 0) return undefined
    if (withNotes) this.#notes = []
    return { batch, isOrdered }
  }

  #first(items: readonly WorkItem[], most: number, room: GatherRoom): WorkItem[] {
    const some = items.slice(0, most)
    // Nearly always: then nothing is looked at.
    if (this.#laden === 0) return some
    const end = some.findIndex((work) => !room.take(work))
    const taken = end < 0 ? some : some.slice(0, end)
    for (const { attempt } of taken) if (attempt?.gathered) this.#laden--
    return taken
  }
}
