/** A set of positions as sorted, disjoint `[start, end)` ranges: what is done of a partition. */
export class RangeSet {
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  constructor(ranges: readonly (readonly [number, number])[] = []) {
    for (const [start, end] of ranges) this.add(start, end)
  }

  get size(): number {
    return this.#starts.length
  }

  /** Up to where all is done, without a gap, from 0. */
  get watermark(): number {
    return this.#starts[0] === 0 ? (this.#ends[0] ?? 0) : 0
  }

  has(position: number): boolean {
    const at = this.#indexAfter(position) - 1
    return at >= 0 && position < (this.#ends[at] ?? 0)
  }

  add(start: number, end: number): void {
    const last = this.#ends.length - 1
    // Nearly always at the end, or next to it.
    if (last >= 0 && start === this.#ends[last]) {
      this.#ends[last] = end
      return
    }
    if (last < 0 || start > (this.#ends[last] ?? 0)) {
      this.#starts.push(start)
      this.#ends.push(end)
      return
    }
    let from = this.#indexAfter(start)
    if (from > 0 && (this.#ends[from - 1] ?? 0) >= start) from--
    let to = from
    while (to < this.#starts.length && (this.#starts[to] ?? 0) <= end) to++
    const mergedStart = to > from ? Math.min(start, this.#starts[from] ?? start) : start
    const mergedEnd = to > from ? Math.max(end, this.#ends[to - 1] ?? end) : end
    this.#starts.splice(from, to - from, mergedStart)
    this.#ends.splice(from, to - from, mergedEnd)
  }

  each(visit: (start: number, end: number) => void): void {
    for (const [at, start] of this.#starts.entries()) visit(start, this.#ends[at] as number)
  }

  /** As PostgreSQL writes a multirange. */
  toString(): string {
    return `{${this.#starts.map((start, at) => `[${start},${this.#ends[at]})`).join(',')}}`
  }

  // The index of the first range that starts after the position.
  #indexAfter(position: number): number {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) <= position) low = middle + 1
      else high = middle
    }
    return low
  }
}
