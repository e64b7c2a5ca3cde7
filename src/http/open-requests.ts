import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from './message.ts'
import { answerProblem, problemOf } from './problem.ts'

/** Spread, so that those who were refused do not come back at once. */
const retryMs = { least: 1_000, spread: 2_000 }

/**
 * 503: nothing was done.
 * @param why what is open, as many as may
 */
export function answerFull(why: string, headers?: Readonly<Record<string, string>>): Answer {
  const retryAfterMs = Math.round(retryMs.least + Math.random() * retryMs.spread)
  const problem = problemOf('REQUESTS_FULL', `${why}, as many as may be; nothing was done, try again`)
  return answerProblem({ ...problem, retryAfterMs }, headers)
}

/** The requests that are being answered. Whoever stops waits for them before it takes away what they stand on. */
export class OpenRequests {
  readonly #open = new Set<Promise<void>>()

  /** One is open until `answering` has ended. */
  async during<T>(answering: Promise<T>): Promise<T> {
    const end = this.#begin()
    try {
      return await answering
    } finally {
      end()
    }
  }

  /** One is open from the first read of its body until it has been read, or given up. */
  async *reading<T>(body: AsyncIterable<T>): AsyncGenerator<T> {
    const end = this.#begin()
    try {
      yield* body
    } finally {
      end()
    }
  }

  /** Waits for those that are open now, at most `graceMs`: a client may leave its answer unread. */
  async settle(graceMs: number): Promise<void> {
    if (this.#open.size === 0) return
    const over = new AbortController()
    const grace = wait(graceMs, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([Promise.all(this.#open), grace])
    over.abort()
  }

  #begin(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#open.add(promise)
    return () => {
      this.#open.delete(promise)
      resolve()
    }
  }
}
