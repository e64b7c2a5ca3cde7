import { setTimeout as delay } from 'node:timers/promises'
import type { LoadClient } from './load-client.ts'

export interface Pace {
  /** Items a second. */
  readonly rate: number
  readonly keyOf: () => string
  /** Milliseconds until each is due; at once unless given. */
  readonly delayMs?: number
  /** How long the handler takes, by the key; a random time unless given. */
  readonly ms?: number
}

const itemsAtOnce = 500

/**
 * Hands items over at a rate, a batch after the other. What could not be handed over in a second is left out: callers who
 * were refused do not all come back at once.
 */
export class PacedLoad {
  readonly #load: LoadClient
  readonly #pace: Pace
  readonly #began = performance.now()
  readonly #loop: Promise<void>
  #stopping = false
  #sent = 0
  #lastGoodAt = performance.now()
  /** The longest time without anything accepted. */
  longestGapMs = 0
  /** The longest call, however it ended. */
  longestCallMs = 0
  /** The longest one that did not end well. */
  longestRefusalMs = 0

  constructor(load: LoadClient, pace: Pace) {
    this.#load = load
    this.#pace = pace
    this.#loop = this.#go()
    // Told when it is stopped.
    this.#loop.catch(() => {})
  }

  /** When something was accepted last, by `performance.now()`. */
  get lastGoodAt(): number {
    return this.#lastGoodAt
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#loop
    this.longestGapMs = Math.max(this.longestGapMs, performance.now() - this.#lastGoodAt)
  }

  async #go(): Promise<void> {
    const { rate, keyOf, delayMs, ms } = this.#pace
    while (!this.#stopping) {
      const owed = Math.floor(((performance.now() - this.#began) / 1000) * rate) - this.#sent
      if (owed < 1) {
        await delay(Math.min(20, 1000 / rate))
        continue
      }
      this.#sent += Math.max(0, owed - Math.ceil(rate))
      const count = Math.min(owed, itemsAtOnce)
      const sentAt = performance.now()
      const outcome = await this.#load.send(count, keyOf, { delayMs, ...(ms === undefined ? {} : { ms }) })
      const now = performance.now()
      this.#sent += count
      this.longestCallMs = Math.max(this.longestCallMs, now - sentAt)
      if (outcome === 'accepted') {
        this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastGoodAt)
        this.#lastGoodAt = now
      } else {
        this.longestRefusalMs = Math.max(this.longestRefusalMs, now - sentAt)
        await delay(50)
      }
    }
  }
}
