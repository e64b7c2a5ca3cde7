import { createRowId, itemIdAt, itemsPerRow, type QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { QueueRow } from '../store/topology.ts'
import { appendUnique, appendUniqueIn, type UniqueRow } from '../store/unique-keys.ts'
import type { Prepared } from './accept.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Gathering } from './group-commit.ts'
import { sendSurely } from './resend.ts'
import type { Topology } from './topology.ts'

/** How long a unique key is kept. */
const keptMs = 24 * 3_600_000

/** Items with a unique key: they flush apart from the others, with their keys in the same transaction. */
export class UniqueBatch implements Gathering {
  readonly #topology: Topology
  readonly #now: number
  readonly #rows = new Map<number, { row: Omit<UniqueRow, 'entries'>; count: number }>()
  readonly #items: { row: number; id: string; scope: string; key: string; entry: string }[] = []
  /** By scope and key: where in `#items` its first one stands. */
  readonly #first = new Map<string, number>()
  #ids: readonly string[] = []
  size = 0

  constructor(topology: Topology, now: number) {
    this.#topology = topology
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  /** @returns where to ask for its id once the batch was sent */
  put(queue: QueueRow, prepared: Prepared, uniqueKey: string): number {
    const name = `${prepared.definition.id}\u0000${uniqueKey}`
    const known = this.#first.get(name)
    if (known !== undefined) return known
    const place = this.#topology.placeOf(
      queue,
      prepared.key,
      prepared.key === null ? this.#topology.nextTurn(queue.number) : 0,
    )
    const slot = place.queue * 4096 + place.partition
    let open = this.#rows.get(slot)
    if (!open || open.count >= itemsPerRow) {
      open = {
        row: {
          queue: place.queue,
          partition: place.partition,
          generation: place.generation,
          flush: createRowId(place.queue, place.partition, this.#now),
        },
        count: 0,
      }
      this.#rows.set(slot, open)
    }
    const at = this.#items.length
    this.#items.push({
      row: slot,
      id: itemIdAt(open.row.flush, open.count++),
      scope: prepared.definition.id,
      key: uniqueKey,
      entry: prepared.text,
    })
    this.#first.set(name, at)
    this.size += prepared.text.length
    return at
  }

  places(): { queue: number; partition: number }[] {
    return [...this.#rows.values()].map((open) => open.row)
  }

  async send(database: OpenDatabase, clock: DatabaseClock): Promise<void> {
    const request = this.#request()
    const now = await sendSurely(clock, async (notAfter) => {
      const answer = await appendUnique(database.driver, database.schema, request, notAfter)
      this.#ids = answer.ids
      return answer.clock
    })
    clock.note(now)
  }

  async sendIn(tx: Tx, schema: string): Promise<void> {
    this.#ids = (await appendUniqueIn(tx, schema, this.#request())).ids
  }

  /** The id of the item, or that of the first one with its key. */
  idAt(at: number): QueueItemId {
    return this.#ids[at] as QueueItemId
  }

  #request() {
    const slots = [...this.#rows.keys()]
    return {
      rows: slots.map((slot) => (this.#rows.get(slot) as { row: Omit<UniqueRow, 'entries'> }).row),
      items: this.#items.map((item) => ({
        row: slots.indexOf(item.row) + 1,
        id: item.id,
        scope: item.scope,
        key: item.key,
        entry: item.entry,
        kept_ms: keptMs,
      })),
    }
  }
}
