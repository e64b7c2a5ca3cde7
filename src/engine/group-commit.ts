import { AsyncLocalStorage } from 'node:async_hooks'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { AppendRoom } from './append-room.ts'

/** What gathers while a flush is under way. */
export interface Gathering {
  /** Characters gathered, for the bounds. */
  readonly size: number
  /** Items gathered. */
  readonly count: number
}

interface OpenBatch<Batch> {
  readonly batch: Batch
  readonly openedAt: number
  /** Refuses it once it has waited too long. */
  readonly timer: NodeJS.Timeout
  readonly settled: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  calls: number
}

/** One flush is one statement with a deadline: beyond either the next batch begins. One call may go beyond it. */
export const flushLimits = { items: 5_000, size: 8_000_000 }
/** Nobody waits for longer than this behind flushes that have no answer. */
const maxWaitMs = 4_500
/** What has waited for so long is not sent after a flush that the database did not answer: its callers would wait too long. */
const maxWaitBehindFailureMs = 1_000

/**
 * Group commit: one flush is in flight at a time, and what comes meanwhile goes into the next one, up to the limits of a flush.
 * Whoever adds waits for the flush that takes it.
 */
export class GroupCommit<Batch extends Gathering> {
  readonly #create: () => Batch
  readonly #flush: (batch: Batch, waitedMs: number) => Promise<void>
  readonly #room: AppendRoom
  /** Oldest first; the last one takes what comes until it is full. */
  readonly #waiting: OpenBatch<Batch>[] = []
  #flushing: Promise<void> | undefined
  /** The flush in flight has taken too long: what comes is refused until it ends. */
  #isStalled = false
  #closed = false
  /** A flush is of many callers: it must not run in the async context of the one that began it. */
  readonly #outside = AsyncLocalStorage.snapshot()

  /**
   * @param flush is told how long the first caller of the batch has waited by then
   * @param room what may wait; several group commits may share it
   */
  constructor(
    create: () => Batch,
    flush: (batch: Batch, waitedMs: number) => Promise<void>,
    room: AppendRoom,
  ) {
    this.#create = create
    this.#flush = flush
    this.#room = room
  }

  /**
   * Adds to the next flush and waits until that is durable.
   * @throws CoatcheckError `BACKLOG_FULL`, also after 4.5 s behind others; `DATABASE_UNREACHABLE` when those before it have no answer for 4.5 s
   */
  async add<Added>(put: (batch: Batch) => Added): Promise<Added> {
    const { added, settled } = this.put(put)
    await settled
    return added
  }

  /** As `add`, for callers that have a promise of their own. @returns what was put in, and when the flush that takes it is over */
  put<Added>(put: (batch: Batch) => Added): { readonly added: Added; readonly settled: Promise<void> } {
    if (this.#closed)
      throw new CoatcheckError('NODE_STOPPED', 'The node has been stopped and accepts nothing more')
    if (this.#isStalled) throw notSent(undefined)
    this.#room.check()
    const last = this.#waiting.at(-1)
    const open = last && !isFull(last.batch) ? last : this.#openBatch()
    const sizeBefore = open.batch.size
    const added = put(open.batch)
    this.#room.take(open.batch.size - sizeBefore)
    open.calls++
    return { added, settled: open.settled }
  }

  /** Takes nothing more, and waits for what was taken. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#waiting.length > 0 || this.#flushing)
      await (this.#flushing ?? this.#waiting[0]?.settled)?.catch(() => {})
  }

  #openBatch(): OpenBatch<Batch> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Whoever waits gets the rejection; a batch that nobody waits for must not end the process.
    promise.catch(() => {})
    // Not at once: callers that the last flush has just woken may add in this turn of the loop.
    if (!this.#flushing) setImmediate(() => this.#begin())
    const opened: OpenBatch<Batch> = {
      batch: this.#create(),
      openedAt: performance.now(),
      timer: setTimeout(() => this.#refuse([opened], tooMany()), maxWaitMs),
      settled: promise,
      resolve,
      reject,
      calls: 0,
    }
    this.#waiting.push(opened)
    return opened
  }

  #begin(): void {
    if (this.#flushing) return
    const taken = this.#waiting.shift()
    if (!taken) return
    clearTimeout(taken.timer)
    const waitedMs = performance.now() - taken.openedAt
    const timer = setTimeout(() => this.#stall(), maxWaitMs)
    const over = (): void => {
      clearTimeout(timer)
      this.#isStalled = false
      this.#room.release(taken.batch.size, taken.calls)
      this.#flushing = undefined
    }
    this.#flushing = this.#outside(() => this.#flush(taken.batch, waitedMs)).then(
      () => {
        over()
        // What waits goes before the callers are woken, so that the database works while they do. A few are left to wait for them:
        // callers that come again at once would else stay parted into a large flush and a small one, which costs as much.
        const next = this.#waiting[0]
        if (next && next.batch.count * 2 >= taken.batch.count) this.#begin()
        else if (next) setImmediate(() => this.#begin())
        taken.resolve()
      },
      (error: unknown) => {
        over()
        taken.reject(error)
        this.#failed(error)
        if (this.#waiting.length > 0) setImmediate(() => this.#begin())
      },
    )
  }

  #stall(): void {
    this.#isStalled = true
    this.#refuse([...this.#waiting], notSent(undefined))
  }

  /** The database is away: those that have waited long enough must not wait for another try. */
  #failed(error: unknown): void {
    const isAway =
      isCoatcheckError(error, 'DATABASE_UNREACHABLE') ||
      isCoatcheckError(error, 'DATABASE_TIMEOUT') ||
      isCoatcheckError(error, 'OUTCOME_UNKNOWN')
    if (!isAway) return
    const latest = performance.now() - maxWaitBehindFailureMs
    this.#refuse(
      this.#waiting.filter(({ openedAt }) => openedAt < latest),
      notSent(error),
    )
  }

  #refuse(batches: readonly OpenBatch<Batch>[], error: CoatcheckError): void {
    for (const refused of batches) {
      this.#waiting.splice(this.#waiting.indexOf(refused), 1)
      clearTimeout(refused.timer)
      this.#room.release(refused.batch.size, refused.calls)
      refused.reject(error)
    }
  }
}

function isFull({ size, count }: Gathering): boolean {
  return count >= flushLimits.items || size >= flushLimits.size
}

function tooMany(): CoatcheckError {
  return new CoatcheckError(
    'BACKLOG_FULL',
    'so many came before that the database has not come to this one in 4.5 s; nothing was sent, and nothing was accepted',
    { retryAfterMs: 1_000 },
  )
}

function notSent(cause: unknown): CoatcheckError {
  return new CoatcheckError(
    'DATABASE_UNREACHABLE',
    'The database has not answered those who came before; nothing was sent, and nothing was accepted',
    { cause, retryAfterMs: 1_000 },
  )
}
