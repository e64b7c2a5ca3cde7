import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readEnded } from '../store/items.ts'

const pollMs = 250
const idsAtOnce = 1_000
/** setTimeout takes a longer delay for none at all. */
const maxTimerMs = 2 ** 31 - 1

/** Those who wait for items to end. Told at once when it happens on this node; all others are asked for together. */
export class Waiters implements Part {
  readonly #database: OpenDatabase
  readonly #loop: Loop
  readonly #waiting = new Map<string, Set<() => void>>()
  #cursor = 0
  #stopped = false

  constructor(database: OpenDatabase, events: Events) {
    this.#database = database
    this.#loop = new Loop(
      () => this.tick(),
      (error) => events.emit('problem', { where: 'waiters', error }),
    )
  }

  /** Whether anybody waits for anything. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#loop.stop()
    for (const id of this.#waiting.keys()) this.ended(id)
  }

  /**
   * Resolves when the item has ended, the time is over or the signal says so; whoever waits then looks for itself.
   * @throws CoatcheckError `NODE_STOPPED`
   */
  async wait(id: string, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#stopped) await this.#untilEnded(id, waitMs, signal)
    if (this.#stopped)
      throw new CoatcheckError('NODE_STOPPED', `the node was stopped while it waited for item ${id}`)
  }

  #untilEnded(id: string, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        const all = this.#waiting.get(id)
        all?.delete(end)
        if (all?.size === 0) this.#waiting.delete(id)
        resolve()
      }
      const timer = setTimeout(end, Math.min(waitMs, maxTimerMs))
      let all = this.#waiting.get(id)
      if (!all) this.#waiting.set(id, (all = new Set()))
      all.add(end)
      signal?.addEventListener('abort', end, { once: true })
      if (signal?.aborted) end()
      // On a node that was never started nobody ticks yet.
      void this.#loop.start().then(() => this.#loop.wake(pollMs))
    })
  }

  /** An item has ended. */
  ended(id: string): void {
    for (const end of this.#waiting.get(id) ?? []) end()
  }

  async tick(): Promise<number> {
    if (this.isEmpty) return 60_000
    const all = [...this.#waiting.keys()]
    const from = this.#cursor % all.length
    const some = all.slice(from, from + idsAtOnce)
    this.#cursor = from + idsAtOnce >= all.length ? 0 : from + idsAtOnce
    for (const id of await readEnded(this.#database.driver, this.#database.schema, some)) this.ended(id)
    return this.#cursor === 0 ? pollMs : 10
  }
}
