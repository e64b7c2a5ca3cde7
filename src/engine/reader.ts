import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readWaitingKeys } from '../store/waiting-items.ts'
import { rowsAtOnce, type Stream, type StreamRow } from '../stream/stream.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Settler } from './settler.ts'
import { WorkItem } from './work-item.ts'

export interface ReaderParts {
  readonly database: OpenDatabase
  readonly stream: Stream
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  /** A seq is missing: somebody has to find out why. */
  readonly onHole: () => void
}

/** How often a partition is read without a hint. */
export const pollMs = 500
const itemsAtOnce = 2_048
/** Items of a queue in memory beyond which no more of it are read. */
const maxLoadedOfQueue = 5_000
const bytesAtOnce = 8_000_000
/** Held items of a partition in memory, and gaps in what is done of it, before some are moved to the lane. */
const maxHeld = 2_000
const maxGaps = 200

/** Reads what comes in the partitions of this node, and hands it to the dispatcher. */
export class Reader implements Part {
  readonly #parts: ReaderParts
  readonly #loop: Loop

  constructor(parts: ReaderParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'read', error }),
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

  /** There may be room in memory again: reads on where more is known to be. */
  wakeForMore(): void {
    if (this.#readable().some((partition) => partition.hinted)) this.#loop.wake()
  }

  /** One pass over all partitions that have something, or whose time has come. */
  async tick(): Promise<number> {
    const { dispatcher, stream } = this.#parts
    const now = performance.now()
    const wanted = this.#readable().filter(
      (partition) => partition.hinted || now - partition.readAt >= pollMs,
    )
    if (wanted.length === 0) {
      this.#relieve()
      return this.#untilPoll(now)
    }
    for (const partition of wanted) {
      partition.hinted = false
      partition.readAt = now
    }
    let rows: StreamRow[]
    try {
      rows = await stream.read(
        wanted.map((partition) => ({
          queue: partition.queue,
          partition: partition.partition,
          from: partition.nextSeq,
        })),
        { items: itemsAtOnce, bytes: bytesAtOnce },
      )
    } catch (error) {
      for (const partition of wanted) partition.hinted = true
      throw error
    }
    for (const partition of wanted)
      await this.#take(
        partition,
        rows.filter((row) => row.queue === partition.queue && row.partition === partition.partition),
        wanted.length,
      )
    dispatcher.pump()
    this.#relieve()
    return this.#untilPoll(performance.now())
  }

  /** Rows of a hole that was filled while the log had gone on: they run after what was dispatched. */
  async takeLate(row: StreamRow): Promise<void> {
    const partition = this.#parts.owned.get(`${row.queue}/${row.partition}`)
    if (!partition || partition.lost) return
    await this.#offer(partition, [row])
    this.#parts.dispatcher.pump()
  }

  /**
   * Where reading may go on. Not where a queue has plenty in memory: by queue, so that a slow one with a backlog does not keep
   * the others waiting.
   */
  #readable(): OwnedPartition[] {
    if (this.#parts.dispatcher.isFull) return []
    const partitions = [...this.#parts.owned.values()]
    const queues = inMemory(partitions)
    return partitions.filter((partition) => {
      const queue = queues.get(partition.queue)
      if (!queue || !mayRead(partition)) return false
      return queue.loaded < maxLoadedOfQueue && !this.#parts.dispatcher.isPlenty(queue.ready)
    })
  }

  #untilPoll(now: number): number {
    let wait = pollMs
    for (const partition of this.#readable()) {
      wait = Math.min(wait, partition.hinted ? 0 : Math.max(1, pollMs - (now - partition.readAt)))
    }
    return wait
  }

  async #take(partition: OwnedPartition, rows: readonly StreamRow[], readers: number): Promise<void> {
    if (rows.length === 0) return
    const begin = partition.nextSeq
    const missing: number[] = []
    let size = 0
    let items = 0
    for (const row of rows) {
      size += row.text.length
      items += row.count
      for (let seq = partition.nextSeq; seq < row.seq; seq++) missing.push(seq)
      partition.nextSeq = row.seq + 1
    }
    // As much as was asked for: there is likely more.
    if (rows.length >= rowsAtOnce || items * readers >= itemsAtOnce || size * readers >= bytesAtOnce)
      partition.hinted = true
    try {
      await this.#offer(partition, rows)
    } catch (error) {
      // None of them was offered: the next pass begins where this one did.
      partition.nextSeq = begin
      partition.hinted = true
      throw error
    }
    // Not before: a hole between rows that are taken again may be filled by then, and its row be taken with them.
    for (const seq of missing) this.#miss(partition, seq)
  }

  #miss(partition: OwnedPartition, seq: number): void {
    // Settled as dead before, or recorded as a hole: then it is done, or watched already.
    if (partition.done.has(seq * itemsPerRow) || partition.holes.has(seq)) return
    partition.holes.set(seq, {
      seq,
      seenAt: performance.now(),
      mark: undefined,
      recorded: false,
      settling: false,
    })
    this.#parts.onHole()
  }

  async #offer(partition: OwnedPartition, rows: readonly StreamRow[]): Promise<void> {
    const items: WorkItem[] = []
    const passed: { start: number; end: number }[] = []
    for (const row of rows) this.#open(partition, row, items, passed)
    // A key that goes to the lane while the lane is asked must not look free: its line stays until all are offered.
    partition.offering++
    let heads: Map<string, number> | undefined
    try {
      heads = await this.#laneHeads(partition, items)
    } finally {
      partition.offering--
    }
    if (partition.lost) return
    if (passed.length > 0) this.#parts.settler.note({ partition, ranges: passed, holesIn: [], holesOut: [] })
    for (const work of items)
      this.#parts.dispatcher.offer(work, heads?.get(`${work.scope}\u0000${work.entry.k}`))
    partition.closeLingering()
  }

  #open(
    partition: OwnedPartition,
    row: StreamRow,
    items: WorkItem[],
    passed: { start: number; end: number }[],
  ): void {
    const entries = JSON.parse(row.text) as (Entry | null)[]
    const base = row.seq * itemsPerRow
    for (const [index, entry] of entries.entries()) {
      const position = base + index
      if (partition.done.has(position)) continue
      // The row's last item reaches to the next row, so that the unused positions make no gap.
      const end = index === entries.length - 1 ? base + itemsPerRow : position + 1
      // Not accepted: its unique key was there.
      if (entry === null) passed.push({ start: position, end })
      else items.push(this.workItem(partition, row, index, entry, end))
    }
  }

  workItem(partition: OwnedPartition, row: StreamRow, index: number, entry: Entry, end: number): WorkItem {
    return new WorkItem({
      partition,
      processor: this.#parts.dispatcher.processorOf(entry.d),
      entry,
      position: row.seq * itemsPerRow + index,
      end,
      size: Math.ceil(row.text.length / row.count),
      flush: row.flush,
      index,
      enqueuedAt: entry.e ?? row.at,
      attempts: entry.a ?? 0,
      waiting: undefined,
    })
  }

  /** The first lane position of those keys that have rows in the lane and no line in memory. */
  async #laneHeads(
    partition: OwnedPartition,
    items: readonly WorkItem[],
  ): Promise<Map<string, number> | undefined> {
    if (!partition.laneHasKeys) return undefined
    const asked = new Map<string, WorkItem>()
    for (const work of items)
      if (work.entry.k !== undefined) asked.set(`${work.scope}\u0000${work.entry.k}`, work)
    if (asked.size === 0) return undefined
    const works = [...asked.values()]
    const { driver, schema } = this.#parts.database
    const keys = await readWaitingKeys(
      driver,
      schema,
      partition,
      works.map((work) => work.scope),
      works.map((work) => work.entry.k as string),
    )
    return new Map(keys.map((found) => [`${found.scope}\u0000${found.key}`, found.position]))
  }

  /**
   * Moves held items to the lane where they hold up others: nothing of the partition is ready to start, and what is held
   * fills the memory or leaves too many gaps behind. As long as something is ready, the held ones will get their turn.
   */
  #relieve(): void {
    const { owned, dispatcher } = this.#parts
    const queues = inMemory([...owned.values()])
    for (const partition of owned.values()) {
      if (partition.held === 0 || partition.ready > 0) continue
      const isFull = dispatcher.isFull || (queues.get(partition.queue)?.loaded ?? 0) >= maxLoadedOfQueue
      if (isFull || partition.held > maxHeld || partition.done.size > maxGaps)
        dispatcher.spill(partition, Math.ceil(partition.held / 2))
    }
  }
}

/** What the queues have in memory. */
function inMemory(partitions: readonly OwnedPartition[]): Map<number, { loaded: number; ready: number }> {
  const queues = new Map<number, { loaded: number; ready: number }>()
  for (const { queue, loaded, ready } of partitions) {
    const sum = queues.get(queue)
    if (!sum) queues.set(queue, { loaded, ready })
    else {
      sum.loaded += loaded
      sum.ready += ready
    }
  }
  return queues
}

// With many gaps in what is done, each settle costs more: what is in memory goes first.
function mayRead(partition: OwnedPartition): boolean {
  return !partition.draining && !partition.lost && !(partition.done.size > maxGaps && partition.ready > 0)
}
