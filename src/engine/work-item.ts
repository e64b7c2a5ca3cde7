import { itemIdAt } from '../base/ids.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { CancelReason } from '../define/item.ts'
import type { Attempt } from './attempt.ts'
import type { Entry } from './entry.ts'
import type { KeyLine } from './key-line.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'

/** How an item's stay in memory ended: an attempt's outcome, or why there was none. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly result: string | undefined; readonly reply?: string }
  | { readonly kind: 'failed'; readonly failure: FailureRecord; readonly retryInMs: number }
  | { readonly kind: 'broken'; readonly failure: FailureRecord }
  | { readonly kind: 'cancelled'; readonly reason: CancelReason }
  /** Held behind its key for so long that it waits in the lane. */
  | { readonly kind: 'spilled' }
  /** No handler for it on this node, or its row was filled late: it starts from the lane. */
  | { readonly kind: 'set-aside' }

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

export interface WorkItemParts {
  readonly partition: OwnedPartition
  readonly processor: Processor | undefined
  readonly entry: Entry
  readonly position: number
  /** Where the next item of the log begins; 0 where the log counts this one as done already. */
  readonly end: number
  /** About how many characters its entry has. */
  readonly size: number
  readonly flush: string
  readonly index: number
  readonly id?: string
  readonly enqueuedAt: number
  readonly attempts: number
  readonly waiting: WaitingRef | undefined
}

/** An item in memory, from being read until its settle has committed. */
export class WorkItem {
  readonly partition: OwnedPartition
  /** Undefined where this node has no handler for it. */
  readonly processor: Processor | undefined
  readonly entry: Entry
  /** Its place in the order of its key, within the partition's generation. */
  readonly position: number
  /** Where the next item of the log begins; 0 where the log counts this one as done already. */
  readonly end: number
  /** About how many characters its entry has. */
  readonly size: number
  readonly enqueuedAt: number
  /** Attempts that have ended. */
  readonly attempts: number
  readonly waiting: WaitingRef | undefined
  readonly #flush: string
  readonly #index: number
  #id: string | undefined
  line: KeyLine | undefined
  attempt: Attempt | undefined
  outcome: Outcome | undefined
  /** By the monotonic clock; 0 before it started. */
  startedAt = 0
  /** Whether the tracked items say that it runs. */
  published = false

  constructor(parts: WorkItemParts) {
    this.partition = parts.partition
    this.processor = parts.processor
    this.entry = parts.entry
    this.position = parts.position
    this.end = parts.end
    this.size = parts.size
    this.enqueuedAt = parts.enqueuedAt
    this.attempts = parts.attempts
    this.waiting = parts.waiting
    this.#flush = parts.flush
    this.#index = parts.index
    this.#id = parts.id
  }

  get id(): string {
    return (this.#id ??= this.entry.id ?? itemIdAt(this.#flush, this.#index))
  }

  get scope(): string {
    return this.processor ? this.processor.definition.orderScope : this.entry.d
  }
}
