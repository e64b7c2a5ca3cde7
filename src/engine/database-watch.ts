import { isCoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readClock } from '../store/topology.ts'

const probeMs = 500
const reminderMs = 30_000

/**
 * Says once that the database is away, and once that it is back: while it is away everything that needs it fails, many times a
 * second. It asks the database itself when a part of the node has met a lost connection or a deadline that passed.
 */
export class DatabaseWatch implements Part {
  readonly #database: OpenDatabase
  readonly #events: Events
  readonly #loop: Loop
  readonly #stopListening: () => void
  #isProbing = false
  #awaySince: number | undefined
  #toldAt = 0

  constructor(database: OpenDatabase, events: Events) {
    this.#database = database
    this.#events = events
    this.#loop = new Loop(
      () => this.#probe(),
      () => {},
    )
    this.#stopListening = events.listen((name, data) => {
      if (name !== 'problem' || this.#isProbing) return
      if (!saysAway((data as { error: unknown }).error)) return
      this.#isProbing = true
      this.#loop.wake()
    })
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#stopListening()
    await this.#loop.stop()
  }

  async #probe(): Promise<number> {
    if (!this.#isProbing) return Infinity
    try {
      await readClock(this.#database.driver, this.#database.schema)
    } catch (error) {
      if (saysAway(error)) {
        this.#tellAway(error)
        return probeMs
      }
      // It has answered, if only to refuse.
      this.#events.emit('problem', { where: 'database-watch', error })
    }
    this.#isProbing = false
    if (this.#awaySince !== undefined)
      this.#events.emit('database.back', { awayMs: Math.round(performance.now() - this.#awaySince) })
    this.#awaySince = undefined
    return Infinity
  }

  #tellAway(error: unknown): void {
    const now = performance.now()
    const isFirst = this.#awaySince === undefined
    this.#awaySince ??= now
    if (!isFirst && now - this.#toldAt < reminderMs) return
    this.#toldAt = now
    this.#events.emit('database.away', { awayMs: Math.round(now - this.#awaySince), error })
  }
}

/** Whether an error may mean that the database is away. */
function saysAway(error: unknown): boolean {
  return isCoatcheckError(error, 'DATABASE_UNREACHABLE') || isCoatcheckError(error, 'DATABASE_TIMEOUT')
}
