import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readWaitingKeys, type WaitingKey } from '../store/waiting-items.ts'
import { rowsAtOnce, type Stream, type StreamRow } from '../stream/stream.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { queueLoads } from './queue-load.ts'
import type { ReadBound } from './read-bound.ts'
import type { Settler } from './settler.ts'
import { WorkItem, type Origin } from './work-item.ts'

export interface ReaderParts {
  readonly database: OpenDatabase
  readonly stream: Stream
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly bound: ReadBound
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  /** A seq is missing: somebody has to find out why. */
  readonly onHole: () => void
  /** Offers what has filled the holes of a partition by now. */
  readonly fillHoles: (partition: OwnedPartition) => Promise<void>
}

/** How often a partition is read without a hint. */
export const pollMs = 500
const itemsAtOnce = 1_024
/** Items that are taken in one go: about half a millisecond's work. */
const itemsInOneGo = 500
/** Of a read; and what may stand on the shelves before a queue gets no more than its share of as much again. */
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
    if (this.#readable().some((partition) => partition.hasMore)) this.#loop.wake()
  }

  /** One pass over all partitions that have something, or whose time has come. */
  async tick(): Promise<number> {
    const now = performance.now()
    this.#clearShelves()
    const wanted = this.#readable().filter(
      (partition) => partition.hasMore || now - partition.readAt >= pollMs,
    )
    // What has been read of a queue is taken before more of it is read.
    const shelved = new Set(wanted.filter(({ shelf }) => shelf.length > 0).map(({ queue }) => queue))
    const unread = wanted.filter(({ queue }) => !shelved.has(queue))
    if (unread.length > 0) await this.#read(unread, now)
    await this.#takeSome(wanted)
    this.#parts.dispatcher.pump()
    this.#relieve()
    return this.#untilPoll(performance.now())
  }

  /** Rows of a hole that was filled while the log had gone on: they run after what was dispatched. */
  async takeLate(row: StreamRow): Promise<void> {
    const partition = this.#parts.owned.get(`${row.queue}/${row.partition}`)
    if (!partition || partition.lost) return
    await this.#whileOffering(partition, () => this.#offer(partition, [row]))
    this.#parts.dispatcher.pump()
  }

  /**
   * Where reading may go on. Not where a queue has plenty in memory: by queue, so that a slow one with a backlog does not keep
   * the others waiting.
   */
  #readable(): OwnedPartition[] {
    const partitions = [...this.#parts.owned.values()]
    const queues = queueLoads(partitions)
    return partitions.filter((partition) => {
      const queue = queues.get(partition.queue)
      if (!queue || !mayRead(partition)) return false
      return !queue.isFull && !this.#parts.dispatcher.isPlenty(queue.ready, partition.control)
    })
  }

  #untilPoll(now: number): number {
    let wait = pollMs
    for (const partition of this.#readable()) {
      wait = Math.min(wait, partition.hasMore ? 0 : Math.max(1, pollMs - (now - partition.readAt)))
    }
    return wait
  }

  /** What was read ahead of a paused queue would take from the shares of the others for as long as it is paused: it is read again. */
  #clearShelves(): void {
    for (const partition of this.#parts.owned.values()) {
      if (!isHeldUp(partition) || partition.shelf.length === 0) continue
      partition.shelf.length = 0
      partition.hinted = true
    }
  }

  /**
   * How much may be read of partitions with nothing on their shelves. What stands on others is not taken while their queues have
   * enough in memory: then each queue has its share of as much again, so that the shelves of all stay bounded.
   */
  #bytesFor(unread: readonly OwnedPartition[]): number {
    const queues = new Set<number>()
    let size = 0
    for (const partition of this.#parts.owned.values()) {
      if (!isHeldUp(partition)) queues.add(partition.queue)
      for (const row of partition.shelf) size += row.text.length
    }
    if (size < bytesAtOnce) return bytesAtOnce
    return (bytesAtOnce / queues.size) * new Set(unread.map(({ queue }) => queue)).size
  }

  /** Reads what comes next, and puts it on the shelves of the partitions. */
  async #read(partitions: readonly OwnedPartition[], now: number): Promise<void> {
    for (const partition of partitions) {
      partition.hinted = false
      partition.readAt = now
    }
    const bytes = this.#bytesFor(partitions)
    let rows: StreamRow[]
    try {
      rows = await this.#parts.stream.read(
        partitions.map(({ queue, partition, nextSeq }) => ({ queue, partition, from: nextSeq })),
        { items: itemsAtOnce, bytes },
      )
    } catch (error) {
      for (const partition of partitions) partition.hinted = true
      throw error
    }
    const read = partitions.map((partition) => ({
      partition,
      rows: rows.filter((row) => row.queue === partition.queue && row.partition === partition.partition),
    }))
    for (const { partition, rows: mine } of read) {
      partition.shelf.push(...mine)
      partition.lastRowAt = mine.at(-1)?.at ?? partition.lastRowAt
      // As much as was asked for: there is likely more.
      if (isFullRead(mine, partitions.length, bytes)) partition.hinted = true
    }
    this.#parts.bound.prefetch(read)
  }

  /**
   * Takes from the shelves, of each queue only so much at a time: meanwhile nothing settles and nothing starts, and what is
   * not opened yet weighs little.
   */
  async #takeSome(partitions: readonly OwnedPartition[]): Promise<void> {
    const left = new Map<number, number>()
    for (const partition of partitions) {
      let items = left.get(partition.queue) ?? itemsInOneGo
      const rows: StreamRow[] = []
      while (items > 0 && partition.shelf.length > 0 && !partition.lost) {
        const row = partition.shelf.shift() as StreamRow
        rows.push(row)
        items -= row.count
      }
      left.set(partition.queue, items)
      if (rows.length > 0) await this.#take(partition, rows)
    }
  }

  async #take(partition: OwnedPartition, rows: readonly StreamRow[]): Promise<void> {
    const begin = partition.nextSeq
    const missing: number[] = []
    for (const row of rows) {
      for (let seq = partition.nextSeq; seq < row.seq; seq++) missing.push(seq)
      partition.nextSeq = row.seq + 1
    }
    await this.#whileOffering(partition, async () => {
      try {
        if (partition.holes.size > 0) await this.#parts.fillHoles(partition)
        if (partition.nextSeq * itemsPerRow > partition.readTo) await this.#parts.bound.cover(partition)
        await this.#offer(partition, rows)
      } catch (error) {
        // None of them was offered: they are read again.
        partition.nextSeq = begin
        partition.shelf.length = 0
        partition.hinted = true
        throw error
      }
    })
    // Not before: a hole between rows that are taken again may be filled by then, and its row be taken with them.
    for (const seq of missing) this.#miss(partition, seq)
  }

  #miss(partition: OwnedPartition, seq: number): void {
    // Settled as dead before, or recorded as a hole: then it is done, or watched already.
    if (partition.done.has(seq * itemsPerRow) || partition.holes.has(seq)) return
    partition.holes.set(seq, { seq, seenAt: performance.now(), mark: undefined, settling: false })
    this.#parts.onHole()
  }

  async #offer(partition: OwnedPartition, rows: readonly StreamRow[]): Promise<void> {
    const items: WorkItem[] = []
    const passed: { start: number; end: number }[] = []
    for (const row of rows) this.#open(partition, row, items, passed)
    partition.control.tracer?.accepted(items)
    const { looks } = partition
    const heads = await this.#laneHeads(partition, items)
    if (partition.lost) return
    if (passed.length > 0) this.#parts.settler.note({ partition, ranges: passed, holesIn: [], holesOut: [] })
    for (const work of items) {
      const head = heads?.get(`${work.scope}\u0000${work.entry.k}`)
      this.#parts.dispatcher.offer(work, head?.position, head?.isBlocked ? looks : undefined)
    }
  }

  /**
   * From when the next seq stands behind rows until all of them are offered. A key that goes to the lane meanwhile must not look
   * free: its line stays. And what the lane holds behind one of those items must not be started before it.
   */
  async #whileOffering(partition: OwnedPartition, offer: () => Promise<void>): Promise<void> {
    partition.offering++
    try {
      await offer()
    } finally {
      partition.offering--
      partition.closeLingering()
    }
  }

  #open(
    partition: OwnedPartition,
    row: StreamRow,
    items: WorkItem[],
    passed: { start: number; end: number }[],
  ): void {
    const entries = JSON.parse(row.text) as (Entry | null)[]
    const origin = originOf(row)
    const base = row.seq * itemsPerRow
    for (const [index, entry] of entries.entries()) {
      const position = base + index
      if (partition.done.has(position) || partition.ahead?.has(position)) continue
      // The row's last item reaches to the next row, so that the unused positions make no gap.
      const end = index === entries.length - 1 ? base + itemsPerRow : position + 1
      // Not accepted: its unique key was there.
      if (entry === null) passed.push({ start: position, end })
      else items.push(this.#workItem(partition, origin, index, entry, position, end))
    }
  }

  /** An item of a row whose position counts as done already. */
  lateItem(partition: OwnedPartition, row: StreamRow, index: number, entry: Entry): WorkItem {
    return this.#workItem(partition, originOf(row), index, entry, row.seq * itemsPerRow + index, 0)
  }

  #workItem(
    partition: OwnedPartition,
    origin: Origin,
    index: number,
    entry: Entry,
    position: number,
    end: number,
  ): WorkItem {
    const processor = this.#parts.dispatcher.processorOf(entry.d)
    return new WorkItem({ partition, processor, entry, origin, index, position, end, waiting: undefined })
  }

  /** Those of the keys that have rows in the lane, or are blocked. */
  async #laneHeads(
    partition: OwnedPartition,
    items: readonly WorkItem[],
  ): Promise<Map<string, WaitingKey> | undefined> {
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
    return new Map(keys.map((found) => [`${found.scope}\u0000${found.key}`, found]))
  }

  /**
   * Moves held items to the lane where they hold up others: nothing of the partition is ready to start, and what is held
   * fills the memory or leaves too many gaps behind. As long as something is ready, the held ones will get their turn.
   */
  #relieve(): void {
    const { owned, dispatcher } = this.#parts
    const queues = queueLoads(owned.values())
    for (const partition of owned.values()) {
      if (partition.held === 0 || partition.ready > 0) continue
      if (queues.get(partition.queue)?.isFull || partition.held > maxHeld || partition.done.size > maxGaps)
        dispatcher.spill(partition, Math.ceil(partition.held / 2))
    }
  }
}

// With many gaps in what is done, each settle costs more: what is in memory goes first.
function mayRead(partition: OwnedPartition): boolean {
  if (isHeldUp(partition)) return false
  return !partition.draining && !partition.lost && !(partition.done.size > maxGaps && partition.ready > 0)
}

function originOf(row: StreamRow): Origin {
  return { flush: row.flush, at: row.at, itemSize: Math.ceil(row.text.length / row.count) }
}

function isFullRead(rows: readonly StreamRow[], readers: number, bytes: number): boolean {
  let size = 0
  let items = 0
  for (const row of rows) {
    size += row.text.length
    items += row.count
  }
  return rows.length >= rowsAtOnce || items * readers >= itemsAtOnce || size * readers >= bytes
}

// Of a paused queue nothing starts: what memory has of it is enough, unless acts wait for items that come later.
function isHeldUp({ control, acts }: OwnedPartition): boolean {
  return !control.isRunning && acts === undefined
}
