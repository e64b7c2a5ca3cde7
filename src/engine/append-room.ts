import { CoatcheckError } from '../base/errors.ts'
import { showNumber } from '../base/shown-value.ts'

const retryAfterMs = 1_000

/**
 * What a node keeps in memory for appends under way, those in flight included: a bound for all of its group commits together,
 * so that a database that is slow or away makes callers wait or be refused, and never the node grow.
 */
export class AppendRoom {
  readonly #maxSize: number
  readonly #maxCalls: number
  #size = 0
  #calls = 0

  /**
   * @param limits.maxSize characters of entries; one call may go beyond it
   * @param limits.maxCalls calls that wait for their answer
   */
  constructor(limits: { readonly maxSize: number; readonly maxCalls: number }) {
    this.#maxSize = limits.maxSize
    this.#maxCalls = limits.maxCalls
  }

  get size(): number {
    return this.#size
  }

  get calls(): number {
    return this.#calls
  }

  /** @throws CoatcheckError `BACKLOG_FULL` */
  check(): void {
    if (this.#size > this.#maxSize)
      throw new CoatcheckError(
        'BACKLOG_FULL',
        `${showNumber(this.#size)} characters wait for the database already; try again in a second`,
        { retryAfterMs },
      )
    if (this.#calls >= this.#maxCalls)
      throw new CoatcheckError(
        'BACKLOG_FULL',
        `${showNumber(this.#calls)} calls wait for the database already; try again in a second`,
        { retryAfterMs },
      )
  }

  take(size: number): void {
    this.#size += size
    this.#calls++
  }

  release(size: number, calls: number): void {
    this.#size -= size
    this.#calls -= calls
  }
}
