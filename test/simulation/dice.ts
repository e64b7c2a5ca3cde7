import { seededRandom } from '../chaos/seeded-random.ts'

/** What a seed decides. */
export class Dice {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(seed)
  }

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  /** Whether it is one of so many in a hundred. */
  isOne(inHundred: number): boolean {
    return this.#next() * 100 < inHundred
  }
}
