import { isCoatcheckError } from '../base/errors.ts'
import { createRowId, itemIdAt, itemsPerRow, type QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { QueueRow } from '../store/topology.ts'
import { appendUnique, appendUniqueIn, type UniqueRequest, type UniqueRow } from '../store/unique-keys.ts'
import type { Prepared } from './accept.ts'
import { maxRowSize } from './append-batch.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Gathering } from './group-commit.ts'
import { sendSurely } from './resend.ts'
import type { Place, Topology } from './topology.ts'

/** How long a unique key is kept. */
const keptMs = 24 * 3_600_000
/** Fewer than the pool has connections: one whose key is held keeps its own for a second. */
const aloneAtOnce = 4

interface OpenRow {
  readonly row: Omit<UniqueRow, 'entries'>
  /** Its number in the request, from 1. */
  readonly number: number
  count: number
  size: number
}

interface UniqueItem {
  readonly row: number
  readonly id: string
  readonly scope: string
  readonly key: string
  readonly entry: string
}

/** Items with a unique key: they flush apart from the others, with their keys in the same transaction. */
export class UniqueBatch implements Gathering {
  readonly #topology: Topology
  readonly #now: number
  readonly #rows: OpenRow[] = []
  /** By partition: the row that still takes items. */
  readonly #open = new Map<number, OpenRow>()
  readonly #items: UniqueItem[] = []
  /** By scope and key: where in `#items` its first one stands. */
  readonly #first = new Map<string, number>()
  #ids: (string | undefined)[] = []
  /** By where it stands: why an item that was sent alone was not taken. */
  readonly #failures = new Map<number, unknown>()
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
    const open = this.#rowFor(place, prepared.text.length)
    const at = this.#items.length
    this.#items.push({
      row: open.number,
      id: itemIdAt(open.row.flush, open.count++),
      scope: prepared.definition.id,
      key: uniqueKey,
      entry: prepared.text,
    })
    this.#first.set(name, at)
    open.size += prepared.text.length
    this.size += prepared.text.length
    return at
  }

  places(): { queue: number; partition: number }[] {
    return this.#rows.map((open) => open.row)
  }

  /** Where an open transaction holds one of the keys, each item goes alone: the others must not wait for it, or be refused. */
  async send(database: OpenDatabase, clock: DatabaseClock): Promise<void> {
    try {
      this.#ids = await send(database, clock, this.#request())
    } catch (error) {
      if (this.#items.length === 1 || !isCoatcheckError(error, 'UNIQUE_KEY_BUSY')) throw error
      await this.#sendEachAlone(database, clock)
    }
  }

  async sendIn(tx: Tx, schema: string): Promise<void> {
    this.#ids = [...(await appendUniqueIn(tx, schema, this.#request())).ids]
  }

  /**
   * The id of the item, or that of the first one with its key.
   * @throws CoatcheckError `UNIQUE_KEY_BUSY` for the one whose key is held
   */
  idAt(at: number): QueueItemId {
    if (this.#failures.has(at)) throw this.#failures.get(at)
    return this.#ids[at] as QueueItemId
  }

  async #sendEachAlone(database: OpenDatabase, clock: DatabaseClock): Promise<void> {
    const waiting = this.#items.entries()
    const sendNext = async (): Promise<void> => {
      // Shared by all: each takes the next one.
      for (const [at, item] of waiting) {
        try {
          ;[this.#ids[at]] = await send(database, clock, this.#requestOf(item))
        } catch (error) {
          this.#failures.set(at, error)
        }
      }
    }
    await Promise.all(Array.from({ length: aloneAtOnce }, sendNext))
  }

  /** One item, in a row of its own. */
  #requestOf(item: UniqueItem): UniqueRequest {
    const { row } = this.#rows[item.row - 1] as OpenRow
    const flush = createRowId(row.queue, row.partition, this.#now)
    return { rows: [{ ...row, flush }], items: [toRequest({ ...item, id: itemIdAt(flush, 0) }, 1)] }
  }

  // Split as the rows of other items are.
  #rowFor(place: Place, size: number): OpenRow {
    const slot = place.queue * 4096 + place.partition
    const open = this.#open.get(slot)
    if (open && open.count < itemsPerRow && open.size + size <= maxRowSize) return open
    const opened: OpenRow = {
      row: { ...place, flush: createRowId(place.queue, place.partition, this.#now) },
      number: this.#rows.length + 1,
      count: 0,
      size: 0,
    }
    this.#open.set(slot, opened)
    this.#rows.push(opened)
    return opened
  }

  #request(): UniqueRequest {
    return {
      rows: this.#rows.map((open) => open.row),
      items: this.#items.map((item) => toRequest(item, item.row)),
    }
  }
}

function toRequest({ id, scope, key, entry }: UniqueItem, row: number): UniqueRequest['items'][number] {
  return { row, id, scope, key, entry, kept_ms: keptMs }
}

async function send(database: OpenDatabase, clock: DatabaseClock, request: UniqueRequest): Promise<string[]> {
  let ids: readonly string[] = []
  const now = await sendSurely(clock, async (notAfter) => {
    const answer = await appendUnique(database.driver, database.schema, request, notAfter)
    ids = answer.ids
    return answer.clock
  })
  clock.note(now)
  return [...ids]
}
