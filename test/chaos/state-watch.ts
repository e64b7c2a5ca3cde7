import { setTimeout as delay } from 'node:timers/promises'
import type { CountSample, StateSample } from './check-states.ts'
import { finalStates } from './check-states.ts'
import type { Accepted, LoadClient } from './load-client.ts'
import type { StateWitness } from './state-witness.ts'

const lookEveryMs = 500
/** Items that are looked up at random each time, and of those that were seen at their end. */
const itemsAtOnce = 15
/** How many of these are also asked of a node. */
const askedOfNode = 3
/** So many items that were seen at their end are kept; half of them for good, half until others take their place. */
const keptItems = 400
const countEveryMs = 1_000
/** Counting takes at most one part in so many of the time, so that it disturbs nothing that is measured. */
const restShare = 40

/** Looks around in the database while a case is played: at items one by one, and at how many there are. */
export class StateWatch {
  readonly samples: StateSample[] = []
  readonly counts: CountSample[] = []
  readonly #load: LoadClient
  readonly #witness: StateWitness
  readonly #random: () => number
  readonly #over = new AbortController()
  readonly #kept: Accepted[] = []
  #loops: Promise<unknown> | undefined
  /** How many measure something for which nobody is to look. */
  #resting = 0

  /** @param random of its own, so that how often it looks changes nothing else */
  constructor(load: LoadClient, witness: StateWitness, random: () => number) {
    this.#load = load
    this.#witness = witness
    this.#random = random
  }

  /** Once is enough. */
  begin(): void {
    this.#loops ??= Promise.all([
      this.#repeat(async () => {
        await this.look()
        return lookEveryMs
      }),
      this.#repeat(async () => {
        const began = performance.now()
        await this.count()
        return Math.max(countEveryMs, (performance.now() - began) * restShare)
      }),
    ])
  }

  /** Nobody looks meanwhile. */
  async rest<T>(work: () => Promise<T>): Promise<T> {
    this.#resting++
    try {
      return await work()
    } finally {
      this.#resting--
    }
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#loops
  }

  /** Looks at some items, and again at some that have ended. */
  async look(): Promise<void> {
    const ended = this.#some(this.#kept)
    // Each once: of two looks at the same time it is not known which saw the later state.
    const items = [...new Set([...this.#fresh(), ...ended])]
    if (items.length === 0) return
    const states = await this.#witness.look(items.map(({ id }) => id))
    const at = performance.timeOrigin + performance.now()
    for (const [index, item] of items.entries()) {
      const state = states[index]
      this.samples.push({ key: item.key, n: item.n, at, state })
      if (state !== undefined && finalStates.has(state)) this.#keep(item)
    }
    this.samples.push(...(await this.#load.look(ended.slice(0, askedOfNode))))
  }

  async count(): Promise<void> {
    const { fewest } = this.#load.known
    const byState = await this.#witness.count()
    const { most } = this.#load.known
    this.counts.push({ at: performance.timeOrigin + performance.now(), fewest, most, byState })
  }

  // Half of them among the latest, which are on their way.
  #fresh(): Accepted[] {
    const { accepted } = this.#load
    const latest = accepted.slice(-2_000)
    return Array.from({ length: Math.min(itemsAtOnce, accepted.length) }, () => {
      const from = this.#random() < 0.5 ? latest : accepted
      return from[Math.floor(this.#random() * from.length)] as Accepted
    })
  }

  #some(items: readonly Accepted[]): Accepted[] {
    const chosen = Array.from(
      { length: Math.min(itemsAtOnce, items.length) },
      () => items[Math.floor(this.#random() * items.length)] as Accepted,
    )
    return [...new Set(chosen)]
  }

  #keep(item: Accepted): void {
    if (this.#kept.includes(item)) return
    if (this.#kept.length < keptItems) this.#kept.push(item)
    else this.#kept[Math.floor((keptItems / 2) * (1 + this.#random()))] = item
  }

  async #repeat(once: () => Promise<number>): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted) {
      // Where the database is away nothing is known, and nothing is said.
      const restMs = this.#resting > 0 ? lookEveryMs : await once().catch(() => lookEveryMs)
      await delay(restMs, undefined, { signal }).catch(() => {})
    }
  }
}
