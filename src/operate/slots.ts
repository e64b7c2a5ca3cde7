import { CoatcheckError } from '../base/errors.ts'

/** Lets so many do something at once, and so many more wait for it. */
export class Slots {
  readonly #most: number
  readonly #mostWaiting: number
  readonly #waiting: (() => void)[] = []
  #taken = 0

  constructor(most: number, mostWaiting: number) {
    this.#most = most
    this.#mostWaiting = mostWaiting
  }

  /** @throws CoatcheckError `RATE_LIMITED` where too many wait; what the work throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#most) this.#taken += 1
    else await this.#turn()
    try {
      return await work()
    } finally {
      // handed on as it is, so that nobody who comes just now takes it beside the one that waited
      const next = this.#waiting.shift()
      if (next) next()
      else this.#taken -= 1
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#mostWaiting)
      throw new CoatcheckError('RATE_LIMITED', 'too many are signing in just now; try again in a second', {
        retryAfterMs: 1_000,
      })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
