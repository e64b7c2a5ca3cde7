import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError } from '../base/errors.ts'
import { createRowId, itemIdAt, itemsPerRow } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import type { Tx } from '../base/tx.ts'
import type { Receipt } from '../define/context.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { QueueRow } from '../store/topology.ts'
import {
  appendUnique,
  appendUniqueIn,
  keyBusy,
  type UniqueFate,
  type UniqueRequest,
  type UniqueRow,
} from '../store/unique-keys.ts'
import { maxRowSize } from './append-batch.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Gathering } from './group-commit.ts'
import { sendPlaced } from './place-again.ts'
import type { Prepared } from './prepare.ts'
import { sendSurely } from './resend.ts'
import type { Place, Topology } from './topology.ts'

/** How long the keys that others hold are asked for again. */
const busyMs = 1_000
const askAgainMs = 50

interface OpenRow {
  readonly row: Omit<UniqueRow, 'entries'>
  /** Its number in the request, from 1. */
  readonly number: number
  count: number
  size: number
}

interface UniqueItem {
  /** Another one where the partitions have changed, as its id is then. */
  row: number
  id: string
  readonly queue: number
  readonly partitionKey: string | null
  readonly scope: string
  readonly key: string
  readonly keptMs: number
  readonly digest: string
  readonly entry: string
}

/** One accept: which item of the batch it stands for, and whether it was another one that put it there. */
interface Call {
  readonly item: number
  readonly isRepeat: boolean
}

/** Items with a unique key: they flush apart from the others, with their keys in the same transaction. */
export class UniqueBatch implements Gathering {
  #topology: Topology
  readonly #now: number
  #rows: OpenRow[] = []
  /** By partition: the row that still takes items. */
  readonly #open = new Map<number, OpenRow>()
  readonly #items: UniqueItem[] = []
  readonly #calls: Call[] = []
  /** By scope, key and digest: where in `#items` its first one stands. Those of one key with other payloads are the database's to tell apart. */
  readonly #first = new Map<string, number>()
  #fates: (UniqueFate | undefined)[] = []
  /** By where it stands: why an item that was sent once more was not taken. */
  readonly #failures = new Map<number, unknown>()
  /** All ids that items have been sent under: the first ones, and those of when they were placed anew or sent once more. */
  readonly #own = new Set<string>()
  size = 0

  constructor(topology: Topology, now: number) {
    this.#topology = topology
    this.#now = now
  }

  get count(): number {
    return this.#items.length
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  /** @returns where to ask for its receipt once the batch was sent */
  put(queue: QueueRow, prepared: Prepared, unique: NonNullable<Prepared['unique']>): number {
    const name = `${prepared.definition.id}\u0000${unique.key}\u0000${unique.digest}`
    const known = this.#first.get(name)
    if (known !== undefined) return this.#calls.push({ item: known, isRepeat: true }) - 1
    const at = this.#items.length
    const item = {
      row: 0,
      id: '',
      queue: queue.number,
      partitionKey: prepared.key,
      scope: prepared.definition.id,
      key: unique.key,
      keptMs: unique.keptMs,
      digest: unique.digest,
      entry: prepared.text,
    }
    this.#items.push(item)
    this.#place(item, queue)
    this.#first.set(name, at)
    this.size += prepared.text.length
    return this.#calls.push({ item: at, isRepeat: false }) - 1
  }

  places(): { queue: number; partition: number }[] {
    return this.#rows.map((open) => open.row)
  }

  /** Items whose keys open transactions hold are left out and sent once more: the others must not wait for them, or be refused. */
  async send(database: OpenDatabase, clock: DatabaseClock, waitedMs: number): Promise<void> {
    const began = performance.now()
    const all = this.#items.keys().toArray()
    this.#fates = await this.#sendPlaced(database, clock, all, () => this.#request(), waitedMs)
    for (;;) {
      const busy = all.filter((at) => isBusy(this.#fates[at]))
      if (busy.length === 0 || performance.now() - began > busyMs) return
      await wait(askAgainMs)
      await this.#sendAgain(database, clock, busy, waitedMs + performance.now() - began)
    }
  }

  async sendIn(tx: Tx, schema: string): Promise<void> {
    const answer = await sendPlaced(
      this.#topology,
      tx,
      () => appendUniqueIn(tx, schema, this.#request()),
      (view) => this.#replace(view),
    )
    this.#fates = [...answer.fates]
  }

  /**
   * The id of the item, or that of the first one with its key.
   * @throws CoatcheckError `UNIQUE_KEY_BUSY` for the one whose key is held, `UNIQUE_KEY_REUSED`
   */
  receiptAt(call: number): Receipt {
    const { item: at, isRepeat } = this.#calls[call] as Call
    if (this.#failures.has(at)) throw this.#failures.get(at)
    const fate = this.#fates[at] as UniqueFate
    const item = this.#items[at] as UniqueItem
    if (isBusy(fate)) throw keyBusy(`the unique key ${showValue(item.key)}`)
    if (typeof fate !== 'string')
      throw new CoatcheckError(
        'UNIQUE_KEY_REUSED',
        `the unique key ${showValue(item.key)} of ${item.scope} stands for item ${fate.clash}, which has another payload; give another key, or the same payload`,
      )
    return { id: fate, outcome: this.#own.has(fate) && !isRepeat ? 'new' : 'repeated' }
  }

  async #sendAgain(
    database: OpenDatabase,
    clock: DatabaseClock,
    places: readonly number[],
    waitedMs: number,
  ): Promise<void> {
    try {
      const request = (): UniqueRequest => this.#requestAgain(places)
      const fates = await this.#sendPlaced(database, clock, places, request, waitedMs)
      for (const [nth, at] of places.entries()) this.#fates[at] = fates[nth]
    } catch (error) {
      for (const at of places) {
        this.#failures.set(at, error)
        this.#fates[at] = undefined
      }
    }
  }

  /** @param request what is sent of these items, asked for once more where the partitions have changed */
  async #sendPlaced(
    database: OpenDatabase,
    clock: DatabaseClock,
    places: readonly number[],
    request: () => UniqueRequest,
    waitedMs: number,
  ): Promise<UniqueFate[]> {
    const began = performance.now()
    const size = places.reduce((sum, at) => sum + (this.#items[at] as UniqueItem).entry.length, 0)
    let fates: readonly UniqueFate[] = []
    // Holds for what is placed anew too: it may be what was sent before that holds the keys.
    let isInDoubt = false
    const send = (): Promise<number> => {
      const placed = request()
      const append = async (notAfter: number, timeoutMs: number, again: boolean): Promise<number> => {
        isInDoubt ||= again
        const deadlines = { notAfter, timeoutMs, leaveBusy: !isInDoubt }
        const answer = await appendUnique(database.driver, database.schema, placed, deadlines)
        fates = answer.fates
        return answer.clock
      }
      return sendSurely(clock, append, { size, waitedMs: waitedMs + performance.now() - began })
    }
    clock.note(await sendPlaced(this.#topology, undefined, send, () => this.#replace(this.#topology)))
    return [...fates]
  }

  /** Each in a row of its own, and in a new flush: what was left out of the first stays out of it. */
  #requestAgain(places: readonly number[]): UniqueRequest {
    const sent = places.map((at) => {
      const item = this.#items[at] as UniqueItem
      const { row } = this.#rows[item.row - 1] as OpenRow
      const flush = createRowId(row.queue, row.partition, this.#now)
      const id = itemIdAt(flush, 0)
      this.#own.add(id)
      return { row: { ...row, flush }, item: { ...item, id } }
    })
    return {
      rows: sent.map(({ row }) => row),
      items: sent.map(({ item }, at) => toRequest(item, at + 1)),
    }
  }

  #placeOf({ partitionKey }: UniqueItem, queue: QueueRow): Place {
    return this.#topology.placeOf(
      queue,
      partitionKey,
      partitionKey === null ? this.#topology.nextTurn(queue.number) : 0,
    )
  }

  #place(item: UniqueItem, queue: QueueRow): void {
    const open = this.#rowFor(this.#placeOf(item, queue), item.entry.length)
    item.row = open.number
    item.id = itemIdAt(open.row.flush, open.count++)
    open.size += item.entry.length
    this.#own.add(item.id)
  }

  /** The partitions have changed. The keys see to it that nothing is there twice, whatever became of what was sent before. */
  #replace(topology: Topology): void {
    this.#topology = topology
    this.#rows = []
    this.#open.clear()
    for (const item of this.#items) this.#place(item, topology.byNumber(item.queue) as QueueRow)
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

function isBusy(fate: UniqueFate | undefined): fate is { readonly busy: true } {
  return typeof fate === 'object' && 'busy' in fate
}

function toRequest(
  { id, scope, key, keptMs, digest, entry }: UniqueItem,
  row: number,
): UniqueRequest['items'][number] {
  return { row, id, scope, key, entry, kept_ms: keptMs, digest }
}
