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
  #running: Promise<void> | undefined
  #wanted = false
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

  /** Asks for a pass now; while one runs, another follows it. */
  wake(): void {
    if (this.#stopped) return
    if (this.#running) this.#wanted = true
    else this.#schedule(0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wanted = false
    clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        // in `then`, so that even a tick that throws at once ends after it has begun
        this.#running = this.#pass().then((nextMs) => this.#end(nextMs))
      },
      Math.min(delayMs, maxDelayMs),
    )
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
    this.#schedule(this.#wanted ? 0 : nextMs)
    this.#wanted = false
  }
}
