import { Client } from 'pg'

export interface DrainResult {
  readonly items: number
  readonly seconds: number
  /** Handler calls beyond the first of an item, and items without one: both must be 0. */
  readonly repeated: number
  readonly missing: number
  /** Processor time of the process meanwhile, in milliseconds. */
  readonly processorMs: number
  /** From the first handler call to the end, in microseconds of the machine's monotonic clock, as a CPU profile has them. */
  readonly window: { readonly fromUs: number; readonly toUs: number }
}

const stalledMs = 20_000

/** Ticks off the items that a handler is called with, and tells when the last has come. */
export class Tally {
  readonly #seen: Uint8Array
  readonly #all = Promise.withResolvers<void>()
  #left: number
  #leftBefore = Number.NaN
  #repeated = 0
  #fromUs = 0
  #used: NodeJS.CpuUsage | undefined

  constructor(items: number) {
    this.#seen = new Uint8Array(items)
    this.#left = items
  }

  tick(n: number): void {
    if (this.#used === undefined) this.#begin()
    if (this.#seen[n] === 1) {
      this.#repeated++
      return
    }
    this.#seen[n] = 1
    if (--this.#left === 0) this.#all.resolve()
  }

  /**
   * Waits for the last handler call, then asks the database until it says that nothing is left: only then is the queue
   * drained. It is not asked before, so that asking costs the subject nothing.
   */
  async drained(url: string, isEmpty: string, values: readonly unknown[] = []): Promise<DrainResult> {
    const client = new Client({ connectionString: url })
    await client.connect()
    const watch = setInterval(() => this.#watch(), stalledMs)
    try {
      await this.#all.promise
      for (;;) {
        const { rows } = await client.query<{ empty: boolean }>({
          name: 'empty',
          text: isEmpty,
          values: [...values],
        })
        if (rows[0]?.empty === true) break
      }
      return this.#end()
    } finally {
      clearInterval(watch)
      await client.end()
    }
  }

  #begin(): void {
    this.#used = process.cpuUsage()
    this.#fromUs = nowUs()
  }

  #end(): DrainResult {
    const window = { fromUs: this.#fromUs, toUs: nowUs() }
    const { user, system } = process.cpuUsage(this.#used)
    return {
      items: this.#seen.length,
      seconds: (window.toUs - window.fromUs) / 1e6,
      repeated: this.#repeated,
      missing: this.#left,
      processorMs: (user + system) / 1000,
      window,
    }
  }

  /** Gives up where nothing has come for a while: a stall must fail, and not hang. */
  #watch(): void {
    if (this.#left > 0 && this.#left === this.#leftBefore)
      this.#all.reject(
        new Error(
          `stalled: ${this.#left} of ${this.#seen.length} items have not come, and none in the last ${stalledMs / 1000} s`,
        ),
      )
    this.#leftBefore = this.#left
  }
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
