import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { expireItems } from '../store/items.ts'
import { forgetDeadNodes } from '../store/nodes.ts'
import { expireUniqueKeys } from '../store/unique-keys.ts'
import type { Stream } from '../stream/stream.ts'
import type { OwnedPartition } from './owned-partition.ts'

const everyMs = 10_000
const itemsAtOnce = 2_000

/** Deletes what is over: log rows behind the watermark, items past their retention, unique keys, nodes long dead. */
export class Housekeeping implements Part {
  readonly #database: OpenDatabase
  readonly #stream: Stream
  readonly #owned: ReadonlyMap<string, OwnedPartition>
  readonly #loop: Loop

  constructor(parts: {
    database: OpenDatabase
    stream: Stream
    owned: ReadonlyMap<string, OwnedPartition>
    events: Events
  }) {
    this.#database = parts.database
    this.#stream = parts.stream
    this.#owned = parts.owned
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'housekeeping', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  wake(): void {
    this.#loop.wake()
  }

  async tick(): Promise<number> {
    const { driver, schema } = this.#database
    for (const partition of this.#owned.values()) {
      const before = Math.floor(partition.done.watermark / itemsPerRow)
      if (!partition.lost && before > 0) await this.#stream.trim(partition.queue, partition.partition, before)
    }
    const gone = await expireItems(driver, schema, itemsAtOnce)
    await expireUniqueKeys(driver, schema, itemsAtOnce)
    await forgetDeadNodes(driver, schema)
    return gone === itemsAtOnce ? 100 : everyMs
  }
}
