import { itemIdAt } from '../base/ids.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { CancelReason } from '../define/item.ts'
import type { Ord } from '../store/waiting-items.ts'
import type { AppliedAct } from './act-rows.ts'
import type { Attempt } from './attempt.ts'
import type { Entry } from './entry.ts'
import type { KeyLine } from './key-line.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'

/** How an item's stay in memory ended: an attempt's outcome, or why there was none. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly result: string | undefined; readonly reply?: string }
  | {
      readonly kind: 'failed'
      readonly failure: FailureRecord
      readonly retryInMs: number
      /** By the database's clock, where that was said when it was accepted. */
      readonly dueAt?: number
    }
  | { readonly kind: 'broken'; readonly failure: FailureRecord }
  | { readonly kind: 'cancelled'; readonly reason: CancelReason; readonly applied?: AppliedAct }
  /** Put into the lane by an act before it ran: deferred, or held with another input (JSON). */
  | {
      readonly kind: 'parked'
      readonly state: 'deferred' | 'held'
      readonly applied: AppliedAct
      readonly dueAt: number | undefined
      readonly input: string | undefined
    }
  /** Held behind its key for so long that it waits in the lane. */
  | { readonly kind: 'spilled' }
  /** No handler for it on this node, or its row was filled late: it starts from the lane. */
  | { readonly kind: 'set-aside' }

/** Whether the item, broken, blocks its key until a person has decided. */
export function blocksKey({ outcome, processor, entry }: WorkItem): boolean {
  return outcome?.kind === 'broken' && processor?.definition.onBroken === 'block' && entry.k !== undefined
}

/** Whether the item goes with its settle to where others of its key have to look for it: into the lane, or as a block. */
export function isLanePut(work: WorkItem): boolean {
  const kind = work.outcome?.kind
  return (
    kind === 'failed' || kind === 'spilled' || kind === 'set-aside' || kind === 'parked' || blocksKey(work)
  )
}

/** The row of the waiting lane that an item is executed from. */
export interface WaitingRef {
  readonly id: string
  readonly version: number
}

/** Where an item lies in the log, from its first position to where the next one begins. */
export interface LogRange {
  readonly start: number
  readonly end: number
}

/** What the items of one row have in common. */
export interface Origin {
  /** The id of the log row; empty where the item has its own, from the lane. */
  readonly flush: string
  /** When the row was written; of an item from the lane when it was due, or else accepted; in milliseconds. */
  readonly at: number
  /** Since when an item from the lane waits for nothing but its turn, as far as is known. */
  readonly waitsSince?: number
  /** About how many characters an entry of it has. */
  readonly itemSize: number
}

export interface WorkItemParts {
  readonly partition: OwnedPartition
  readonly processor: Processor | undefined
  readonly entry: Entry
  readonly origin: Origin
  readonly index: number
  readonly position: number
  /** Where the next item of the log begins; 0 where the log counts this one as done already. */
  readonly end: number
  readonly waiting: WaitingRef | undefined
  /** Its place in the order of its key where that is of an older generation; `position` is then below all of this one. */
  readonly older?: Ord | undefined
}

/** An item in memory, from being read until its settle has committed. There are many of them, so it holds little itself. */
export class WorkItem {
  readonly partition: OwnedPartition
  /** Undefined where this node has no handler for it. */
  readonly processor: Processor | undefined
  readonly entry: Entry
  /** Its place in the order of its key, within the partition's generation; below 0 where it comes from an older one. */
  readonly position: number
  /** Where the next item of the log begins; 0 where the log counts this one as done already. */
  readonly end: number
  readonly waiting: WaitingRef | undefined
  readonly #older: Ord | undefined
  readonly #origin: Origin
  readonly #index: number
  #id: string | undefined
  line: KeyLine | undefined
  attempt: Attempt | undefined
  outcome: Outcome | undefined
  /** By the monotonic clock, in whole milliseconds; 0 before it started. */
  startedAt = 0
  /** When its stay in memory ended, by the same clock. */
  endedAt = 0
  /** Its place among those that run. */
  slot = 0
  /** Whether the tracked items say that it runs, with its progress; and whether they ever have. */
  published = false
  wasPublished = false

  constructor(parts: WorkItemParts) {
    this.partition = parts.partition
    this.processor = parts.processor
    this.entry = parts.entry
    this.position = parts.position
    this.end = parts.end
    this.waiting = parts.waiting
    this.#older = parts.older
    this.#origin = parts.origin
    this.#index = parts.index
    this.#id = parts.waiting?.id
  }

  get id(): string {
    return (this.#id ??= this.entry.id ?? itemIdAt(this.#origin.flush, this.#index))
  }

  /** Its place in the order of its key, over the generations. */
  get ord(): Ord {
    return this.#older ?? { generation: this.partition.generation, position: this.position }
  }

  get scope(): string {
    return this.processor ? this.processor.definition.orderScope : this.entry.d
  }

  /** When it was accepted, in milliseconds. */
  get enqueuedAt(): number {
    return this.entry.e ?? this.#origin.at
  }

  /** When it was accepted, or became due, in milliseconds. */
  get readyAt(): number {
    return this.#origin.at
  }

  /** Since when it waits for nothing but its turn, as far as is known; in milliseconds. */
  get waitsSince(): number {
    return this.#origin.waitsSince ?? this.#origin.at
  }

  /** The tracked items are told that it runs. */
  publish(): void {
    this.published = true
    this.wasPublished = true
  }

  /** How its stay in memory ends, once that is settled. */
  finish(outcome: Outcome): void {
    this.outcome = outcome
    this.endedAt = Math.ceil(performance.now())
  }

  /** Attempts that have ended. */
  get attempts(): number {
    return this.entry.a ?? 0
  }

  /** About how many characters its entry has. */
  get size(): number {
    return this.#origin.itemSize
  }
}

/** Whether its settle may overtake any other. */
export function isUnordered({ entry, waiting, outcome }: WorkItem): boolean {
  return entry.k === undefined && waiting === undefined && outcome?.kind === 'succeeded'
}

/** Whether there is anything in the item's outcome that can be left out. */
export function mayStoreLess({ outcome, attempt }: WorkItem): boolean {
  if (attempt?.lines !== undefined || attempt?.progressText !== undefined) return true
  return outcome?.kind === 'succeeded' || outcome?.kind === 'failed'
}
