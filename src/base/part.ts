/** Something that lives and stops. Stopping twice, or without having started, is fine. */
export interface Part {
  start(): Promise<void>
  stop(): Promise<void>
}

/** A loop whose every pass is a `tick` that says in how many milliseconds it wants the next one. */
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
    this.#schedule(0)
  }

  /** Asks for a pass now; while one runs, another follows it. */
  wake(): void {
    if (this.#stopped) return
    if (this.#running) this.#wanted = true
    else this.#schedule(0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#running = this.#pass()
    }, delayMs)
  }

  async #pass(): Promise<void> {
    let delayMs = 1000
    try {
      delayMs = await this.#tick()
    } catch (error) {
      this.#onError(error)
    }
    this.#running = undefined
    if (this.#stopped) return
    this.#schedule(this.#wanted ? 0 : delayMs)
    this.#wanted = false
  }
}
