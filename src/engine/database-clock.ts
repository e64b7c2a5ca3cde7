/** The database's time as last read, carried on by this process's monotonic clock. Never used to decide; the database does. */
export class DatabaseClock {
  readonly #ask: () => Promise<number>
  #read: number | undefined
  #readAt = 0

  /** @param ask reads the time from the database */
  constructor(ask: () => Promise<number>) {
    this.#ask = ask
  }

  /** Notes a time that a statement answered with. */
  note(databaseMs: number): void {
    this.#read = databaseMs
    this.#readAt = performance.now()
  }

  /** About now, for ids and ages. */
  now(): number {
    return this.#read === undefined ? Date.now() : Math.round(this.#read + performance.now() - this.#readAt)
  }

  /** A time that the database gave not longer than `maxAgeMs` ago: it lies before now. */
  async recent(maxAgeMs: number): Promise<number> {
    if (this.#read === undefined || performance.now() - this.#readAt > maxAgeMs) this.note(await this.#ask())
    return this.#read as number
  }
}
