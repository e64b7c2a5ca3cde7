import type { Events } from '../base/events.ts'
import { itemIdAt, itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import { queuesOf, type Definition } from '../define/definition.ts'
import type { Stream, StreamRow } from '../stream/stream.ts'
import type { Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import { mergedRow } from './settlement-rows.ts'
import type { Settler } from './settler.ts'

export interface IndexerParts {
  readonly stream: Stream
  readonly settler: Settler
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly processors: ReadonlyMap<string, Processor>
  readonly definitions: ReadonlyMap<string, Definition>
  /** The name of a queue by its number. */
  nameOf(queue: number): string
  /** The database's time, about now. */
  now(): number
}

const passMs = 1_000
/** Rows a second, while items are being settled. */
const rowsWhileSettling = 2_000
const rowsWhileIdle = 20_000
const ageMs = 1_000

/**
 * Enters into the tracked items what was accepted a second ago and has not ended, and what has been running for a second: a
 * projection for those who look at lists. Looking up one item does not need it.
 */
export class Indexer implements Part {
  readonly #parts: IndexerParts
  readonly #loop: Loop
  readonly #trackedQueues: ReadonlySet<string>
  #settledBefore = 0
  #settled = 0

  constructor(parts: IndexerParts) {
    this.#parts = parts
    this.#trackedQueues = new Set(
      [...parts.definitions.values()].filter(({ tracking }) => tracking === 'all').flatMap(queuesOf),
    )
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'index', error }),
    )
    parts.events.listen((name, data) => {
      if (name === 'settle.done') this.#settled += (data as { items: number }).items
    })
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  async tick(): Promise<number> {
    this.#publishRunning()
    let budget = this.#settled > this.#settledBefore ? rowsWhileSettling : rowsWhileIdle
    this.#settledBefore = this.#settled
    for (const partition of this.#parts.owned.values()) {
      if (budget <= 0) break
      if (partition.lost || partition.draining) continue
      if (!this.#trackedQueues.has(this.#parts.nameOf(partition.queue))) continue
      const from = Math.max(partition.indexed, partition.done.watermark)
      // All that was read is done or indexed, and nothing more is there.
      if (from >= partition.nextSeq * itemsPerRow && !partition.hasMore) continue
      budget -= await this.#index(partition, from, budget)
    }
    return passMs
  }

  async #index(partition: OwnedPartition, from: number, budget: number): Promise<number> {
    const rows = await this.#parts.stream.read(
      [{ queue: partition.queue, partition: partition.partition, from: Math.floor(from / itemsPerRow) }],
      { items: budget, bytes: 4_000_000 },
    )
    if (partition.lost) return 0
    const indexed = new Map<string, string>()
    const youngest = this.#parts.now() - ageMs
    let to = from
    let read = 0
    for (const row of rows) {
      // What is younger may end before it need be shown; a gap may still be filled, unless it is done with.
      if (row.at > youngest || read >= budget || !isDoneBetween(partition, to, row.seq)) break
      read += row.count
      this.#indexRow(partition, row, from, indexed)
      to = (row.seq + 1) * itemsPerRow
    }
    if (to === from) return 0
    // Beyond this a first run is inserted plainly; from now on those before it are merged.
    partition.indexed = to
    this.#parts.settler.note({
      partition,
      ranges: [],
      holesIn: [],
      holesOut: [],
      indexed: { rows: indexed, to },
    })
    return read
  }

  #indexRow(partition: OwnedPartition, row: StreamRow, from: number, indexed: Map<string, string>): void {
    const entries = JSON.parse(row.text) as (Entry | null)[]
    for (const [index, entry] of entries.entries()) {
      const position = row.seq * itemsPerRow + index
      if (entry === null || entry.id !== undefined || position < from || partition.done.has(position))
        continue
      if (this.#parts.definitions.get(entry.d)?.tracking !== 'all') continue
      const id = itemIdAt(row.flush, index)
      indexed.set(
        id,
        JSON.stringify({
          id,
          q: partition.queue,
          d: entry.d,
          k: entry.k,
          state: 'ready',
          a: entry.a ?? 0,
          ...(entry.f && { f: entry.f }),
          e: row.at,
          c: entry.c,
          i: entry.i,
        }),
      )
    }
  }

  #publishRunning(): void {
    const now = performance.now()
    const byPartition = new Map<OwnedPartition, Map<string, string>>()
    for (const processor of this.#parts.processors.values()) {
      if (processor.definition.tracking !== 'all') continue
      for (const work of processor.running) {
        if (work.published || work.partition.lost || work.startedAt === 0) continue
        if (now - work.startedAt < ageMs) continue
        work.publish()
        let rows = byPartition.get(work.partition)
        if (!rows) byPartition.set(work.partition, (rows = new Map()))
        rows.set(work.id, mergedRow(work, 'running', now))
      }
    }
    for (const [partition, rows] of byPartition)
      this.#parts.settler.note({ partition, ranges: [], holesIn: [], holesOut: [], indexed: { rows, to: 0 } })
  }
}

/** Whether all rows from a position up to a seq are dead, or holes that are watched. */
function isDoneBetween(partition: OwnedPartition, position: number, seq: number): boolean {
  for (let missing = Math.ceil(position / itemsPerRow); missing < seq; missing++)
    if (!partition.done.has(missing * itemsPerRow)) return false
  return true
}
