import type { Duration } from '../base/duration.ts'
import type { QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import type { Item, RequestContext } from './item.ts'

/** Options of accepting an item. */
export interface EnqueueOptions {
  /** Not before this long from now, by the clock of the database. Not together with `at`. */
  readonly delay?: Duration
  /** Not before this time, by the clock of the database. Not together with `delay`. */
  readonly at?: Date
  /**
   * The same work twice is one item: the second accept of a definition with the same unique key and the same payload makes
   * none, and its caller gets the id of the first (`node.accept` says so). With another payload it is refused:
   * `UNIQUE_KEY_REUSED`. 1 to 1,024 bytes.
   */
  readonly uniqueKey?: string
  /** How long the unique key is kept, counted from the accept that made the item: 1 ms to 3,650 days; 24 hours unless set. */
  readonly uniqueFor?: Duration
  /** Gathers accepts in quick succession: one item waits for its key, with the payload of the last of them. */
  readonly debounce?: DebounceOptions
  /** Overrides parts of the context that is captured. */
  readonly context?: RequestContext
}

/** How accepts in quick succession become one item. */
export interface DebounceOptions {
  /** What belongs together, within the definition: 1 to 1,024 bytes; the partition key unless set. */
  readonly key?: string
  /** The item becomes due so long after the last accept: 1 ms to 365 days. */
  readonly wait: Duration
  /** But at the latest so long after the first accept: from `wait` to 365 days; no limit unless set. */
  readonly maxWait?: Duration
}

/** What an accept came to. */
export interface Receipt<Result = unknown> {
  readonly id: QueueItemId<Result>
  /**
   * `new`: this accept made the item. `repeated`: it was there already, under the unique key. `replaced`: it waited already,
   * under the debounce key, and now has this payload.
   */
  readonly outcome: 'new' | 'repeated' | 'replaced'
}

/** A reference to something that can be enqueued: a definition, or its name. `Input` is what callers give. */
export interface Enqueueable<Input, Result> {
  readonly kind: 'queue-processor' | 'service'
  readonly name: string
  /** For the type checker only. */
  readonly ' types'?: { readonly input: Input; readonly result: Result }
}

/** What a handler is given beside its input. It is over when the attempt is: later calls throw `HANDLER_OVER`. */
export interface HandlerContext {
  /** The item that runs: id, key, times. */
  readonly item: Item
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** A fencing token: rises with each change of the partition's owner. Give it to systems that can refuse an older one. */
  readonly token: number
  readonly context: RequestContext
  /** Aborted at the timeout, when the item is cancelled, and when the node loses its lease. */
  readonly signal: AbortSignal
  /** Writes a line into the item's log; it is stored with the outcome. */
  log(this: void, message: string, data?: unknown): void
  /** Says how far it is: any JSON, shown while the item runs. */
  progress(this: void, value: unknown): void
  /**
   * Enqueues an item in the transaction that settles this attempt: both happen, or neither. At most 50,000 items with
   * 16,000,000 characters (one item may go beyond), a delayed item counting for ten.
   * @throws CoatcheckError `OUTCOME_TOO_LARGE` beyond that
   */
  enqueue<Input, Result>(
    this: void,
    target: Enqueueable<Input, Result>,
    input: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<QueueItemId<Result>>
  /**
   * Runs in the transaction that settles this attempt: your writes and the item's success commit together, exactly once.
   * May be called twice for one commit; deadline 5 s. When it throws, the attempt has failed with `AT_COMMIT_FAILED`.
   */
  atCommit(this: void, write: (tx: Tx) => unknown): void
}
