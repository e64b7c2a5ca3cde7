import { isCoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import { expireActs } from '../store/acts.ts'
import { expireAlerts } from '../store/alerts.ts'
import type { OpenDatabase } from '../store/database.ts'
import { forgetDebounces } from '../store/debounce.ts'
import type { Runner } from '../store/driver.ts'
import { adoptStrays } from '../store/generations.ts'
import { expireCalls } from '../store/idempotent-calls.ts'
import { expireItems } from '../store/items.ts'
import { forgetDeadNodes } from '../store/nodes.ts'
import { expireStatistics } from '../store/queue-statistics.ts'
import { expireTraces } from '../store/traces.ts'
import { expireUniqueKeys } from '../store/unique-keys.ts'
import type { Stream } from '../stream/stream.ts'
import type { OwnedPartition } from './owned-partition.ts'

const everyMs = 10_000
/** Where there was more than one pass takes. */
const againMs = 100
/** What a step takes at once: a statement has a deadline. */
const atOnce = 2_000

type Delete = (runner: Runner, schema: string, limit: number) => Promise<number>

const deletes: readonly Delete[] = [
  expireItems,
  expireUniqueKeys,
  expireCalls,
  expireActs,
  forgetDebounces,
  forgetDeadNodes,
  expireStatistics,
  expireAlerts,
  expireTraces,
  adoptStrays,
]

/** Deletes what is over: log rows behind the watermark, items past their retention, unique keys, nodes long dead. Rows of the lane that a partition left behind get another one. */
export class Housekeeping implements Part {
  readonly #database: OpenDatabase
  readonly #stream: Stream
  readonly #owned: ReadonlyMap<string, OwnedPartition>
  readonly #events: Events
  readonly #loop: Loop
  #stopping = false

  constructor(parts: {
    database: OpenDatabase
    stream: Stream
    owned: ReadonlyMap<string, OwnedPartition>
    events: Events
  }) {
    this.#database = parts.database
    this.#stream = parts.stream
    this.#owned = parts.owned
    this.#events = parts.events
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'housekeeping', error }),
    )
  }

  async start(): Promise<void> {
    this.#stopping = false
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#loop.stop()
  }

  wake(): void {
    this.#loop.wake()
  }

  /** Each step by itself: one that fails must not keep the others from their work. */
  async tick(): Promise<number> {
    const { driver, schema } = this.#database
    let isFull = false
    for (const step of [...this.#trims(), ...deletes.map((each) => () => each(driver, schema, atOnce))]) {
      if (this.#stopping) return everyMs
      try {
        if ((await step()) === atOnce) isFull = true
      } catch (error) {
        this.#events.emit('problem', { where: 'housekeeping', error })
        if (isCoatcheckError(error, 'DATABASE_UNREACHABLE')) return everyMs
      }
    }
    return isFull ? againMs : everyMs
  }

  *#trims(): Generator<() => Promise<number>> {
    for (const { queue, partition, done, lost } of this.#owned.values()) {
      const before = Math.floor(done.watermark / itemsPerRow)
      if (!lost && before > 0) yield () => this.#stream.trim(queue, partition, before, atOnce)
    }
  }
}
