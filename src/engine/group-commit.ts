import { AsyncLocalStorage } from 'node:async_hooks'
import { CoatcheckError } from '../base/errors.ts'

/** What gathers while a flush is under way. */
export interface Gathering {
  /** Characters gathered, for the bound. */
  readonly size: number
}

/**
 * Group commit: one flush is in flight at a time, and all that comes meanwhile goes into the next one. Whoever adds waits
 * for the flush that takes it.
 */
export class GroupCommit<Batch extends Gathering> {
  readonly #create: () => Batch
  readonly #flush: (batch: Batch) => Promise<void>
  readonly #maxSize: number
  #open:
    | { batch: Batch; settled: Promise<void>; resolve: () => void; reject: (error: unknown) => void }
    | undefined
  #flushing: Promise<void> | undefined
  #closed = false
  /** A flush is of many callers: it must not run in the async context of the one that began it. */
  readonly #outside = AsyncLocalStorage.snapshot()

  /** @param maxSize characters that may wait for the next flush; more is refused with `BACKLOG_FULL` */
  constructor(create: () => Batch, flush: (batch: Batch) => Promise<void>, maxSize: number) {
    this.#create = create
    this.#flush = flush
    this.#maxSize = maxSize
  }

  /** Adds to the next flush and waits until that is durable. */
  async add<Added>(put: (batch: Batch) => Added): Promise<Added> {
    if (this.#closed)
      throw new CoatcheckError('NODE_STOPPED', 'The node has been stopped and accepts nothing more')
    const open = (this.#open ??= this.#openBatch())
    if (open.batch.size > this.#maxSize)
      throw new CoatcheckError(
        'BACKLOG_FULL',
        `${open.batch.size} characters wait for the database already; try again in a second`,
      )
    const added = put(open.batch)
    await open.settled
    return added
  }

  /** Takes nothing more, and waits for what was taken. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#open || this.#flushing) await (this.#flushing ?? this.#open?.settled)?.catch(() => {})
  }

  #openBatch() {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Whoever waits gets the rejection; a batch that nobody waits for must not end the process.
    promise.catch(() => {})
    // Not at once: callers that the last flush has just woken may add in this turn of the loop.
    if (!this.#flushing) setImmediate(() => this.#begin())
    return { batch: this.#create(), settled: promise, resolve, reject }
  }

  #begin(): void {
    const taken = this.#open
    if (!taken || this.#flushing) return
    this.#open = undefined
    this.#flushing = this.#outside(() => this.#flush(taken.batch))
      .then(taken.resolve, taken.reject)
      .then(() => {
        this.#flushing = undefined
        if (this.#open) setImmediate(() => this.#begin())
      })
  }
}
