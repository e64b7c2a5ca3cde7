import { setTimeout as delay } from 'node:timers/promises'
import type { Endings } from './endings.ts'
import type { LoadClient } from './load-client.ts'

/** Callers who come at a rate, each with one item, whatever becomes of those before them. */
export class Rush {
  readonly #load: LoadClient
  readonly #workMs: number
  #count = 0
  #isOver = false
  /** How long each refusal took, and when it came, in milliseconds since 1970. */
  readonly refusalMs: number[] = []
  readonly refusedAt: number[] = []

  /** @param workMs how long each item takes */
  constructor(load: LoadClient, workMs: number, endings: Endings) {
    this.#load = load
    this.#workMs = workMs
    endings.add('rush', () => {
      this.#isOver = true
    })
  }

  counts(): { readonly accepted: number; readonly refused: number } {
    return { accepted: this.#load.accepted.length, refused: this.refusalMs.length }
  }

  /** Refused otherwise than since the queue is full, or not known. */
  get others(): number {
    const codes = [...this.#load.refusals].filter(([code]) => code !== 'QUEUE_FULL')
    return codes.reduce((sum, [, items]) => sum + items, this.#load.unknown.length)
  }

  /** So many a second for so long, with keys of their own. Resolves when all have their answer. */
  async go(prefix: string, rate: number, forMs: number): Promise<void> {
    const calls: Promise<void>[] = []
    const began = performance.now()
    while (performance.now() - began < forMs && !this.#isOver) {
      const owed = ((performance.now() - began) * rate) / 1_000
      while (calls.length < owed) calls.push(this.#call(prefix))
      await delay(5)
    }
    await Promise.all(calls)
  }

  async #call(prefix: string): Promise<void> {
    const key = `${prefix}-${this.#count++}`
    const began = performance.now()
    const outcome = await this.#load.send(1, () => key, { ms: this.#workMs })
    if (outcome !== 'refused') return
    const now = performance.now()
    this.refusalMs.push(now - began)
    this.refusedAt.push(performance.timeOrigin + now)
  }
}
