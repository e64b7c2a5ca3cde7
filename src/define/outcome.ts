import type { Duration } from '../base/duration.ts'
import { toMs } from '../base/duration.ts'
import { brandOf, markBrand } from '../base/errors.ts'

/**
 * Thrown by a handler: the item can never succeed. It is broken now, without another attempt.
 * @example throw new Reject('the employee has left')
 */
export class Reject extends Error {
  override readonly name = 'Reject'

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    markBrand(this, 'reject')
  }
}

export interface RetryLaterOptions {
  /** When the next attempt begins, counted from now; unless set, as the retry policy says. */
  readonly after?: Duration
  readonly message?: string
  readonly cause?: unknown
}

/**
 * Thrown by a handler: try again after the time it says, in place of what the retry policy says. It counts as an attempt.
 * @example throw new RetryLater({ after: '10 minutes' })
 * @example throw new RetryLater('the directory is being rebuilt', { after: '1 hour' })
 */
export class RetryLater extends Error {
  override readonly name = 'RetryLater'
  /** Milliseconds until the next attempt, or undefined where the retry policy says. */
  readonly afterMs: number | undefined

  /** @throws CoatcheckError `OPTION_INVALID` where `after` is no duration */
  constructor(options: RetryLaterOptions)
  constructor(message: string, options?: Omit<RetryLaterOptions, 'message'>)
  constructor(given: string | RetryLaterOptions, more: RetryLaterOptions = {}) {
    const options = typeof given === 'string' ? { ...more, message: given } : given
    super(
      options.message ?? 'The handler asked to be run again later',
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.afterMs = options.after === undefined ? undefined : toMs(options.after, 'after')
    markBrand(this, 'retry-later')
  }
}

/** Thrown to a caller in code whose request was queued instead of answered; over HTTP that is a 202. */
export class QueuedRequestError extends Error {
  override readonly name = 'QueuedRequestError'
  readonly code = 'QUEUED'
  readonly status = 202
  /** The ticket: the result can be fetched with it. */
  readonly queueItemId: string

  constructor(queueItemId: string, options: { readonly cause?: unknown } = {}) {
    super(
      `The request was queued as ${queueItemId}; fetch its result with that id`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.queueItemId = queueItemId
    markBrand(this, 'queued-request')
  }
}

/** Whether a handler threw {@link Reject}, also one of another copy of the package. */
export function isReject(value: unknown): value is Reject {
  return brandOf(value) === 'reject'
}

/** Whether a handler threw {@link RetryLater}, also one of another copy of the package. */
export function isRetryLater(value: unknown): value is RetryLater {
  return brandOf(value) === 'retry-later'
}

/** Whether the request was queued instead of answered. */
export function isQueuedRequest(value: unknown): value is QueuedRequestError {
  return brandOf(value) === 'queued-request'
}
