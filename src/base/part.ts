/** Something that lives and stops. Stopping twice, or without having started, is fine. */
export interface Part {
  start(): Promise<void>
  stop(): Promise<void>
}

/** setTimeout takes a longer delay for none at all. */
const maxDelayMs = 2 ** 31 - 1

/**
 * A loop whose every pass is a `tick` that says in how many milliseconds it wants the next one. Passes never overlap. A
 * tick must not wait for `stop()` of its own loop, which waits for the tick.
 */
export class Loop implements Part {
  readonly #tick: () => Promise<number>
  readonly #onError: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #dueAt = Infinity
  #running: Promise<void> | undefined
  #wantedInMs = Infinity
  #stopped = true

  /** @param onError told when a pass throws; the loop goes on after a second */
  constructor(tick: () => Promise<number>, onError: (error: unknown) => void) {
    this.#tick = tick
    this.#onError = onError
  }

  async start(): Promise<void> {
    if (!this.#stopped) return
    this.#stopped = false
    this.wake()
  }

  /** Asks for a pass within `delayMs`, now unless set; while one runs, another follows it. */
  wake(delayMs = 0): void {
    if (this.#stopped) return
    if (this.#running) this.#wantedInMs = Math.min(this.#wantedInMs, delayMs)
    else if (performance.now() + delayMs < this.#dueAt) this.#schedule(delayMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wantedInMs = Infinity
    this.#cancel()
    await this.#running
  }

  #schedule(delayMs: number): void {
    this.#cancel()
    this.#dueAt = performance.now() + delayMs
    const begin = (): void => {
      this.#dueAt = Infinity
      // in `then`, so that even a tick that throws at once ends after it has begun
      this.#running = this.#pass().then((nextMs) => this.#end(nextMs))
    }
    // a timer of 0 ms takes a whole one
    if (delayMs <= 0) this.#immediate = setImmediate(begin)
    else this.#timer = setTimeout(begin, Math.min(delayMs, maxDelayMs))
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#dueAt = Infinity
  }

  async #pass(): Promise<number> {
    try {
      return await this.#tick()
    } catch (error) {
      this.#onError(error)
      return 1000
    }
  }

  #end(nextMs: number): void {
    this.#running = undefined
    if (this.#stopped) return
    this.#schedule(Math.min(this.#wantedInMs, nextMs))
    this.#wantedInMs = Infinity
  }
}
