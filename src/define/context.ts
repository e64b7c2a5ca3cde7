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
  /** The second item with the same unique key is not accepted; the caller gets the id of the first. Kept 24 hours. */
  readonly uniqueKey?: string
  /** Overrides parts of the context that is captured. */
  readonly context?: RequestContext
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
  /** Enqueues an item in the transaction that settles this attempt: both happen, or neither. */
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
