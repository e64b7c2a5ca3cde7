import { AsyncLocalStorage } from 'node:async_hooks'
import type { Events } from '../base/events.ts'
import type { OpenDatabase } from '../store/database.ts'
import { isAmbiguous } from '../store/driver.ts'
import { addStatistics, type StatisticRow } from '../store/queue-statistics.ts'
import { buckets, bucketOf } from './histogram.ts'
import type { WorkItem } from './work-item.ts'

/** What became of items of a queue since it was written down last. */
interface Sums {
  accepted: number
  succeeded: number
  broken: number
  cancelled: number
  failed: number
  readonly waits: number[]
  readonly runs: number[]
}

const flushMs = 10_000
const minuteMs = 60_000
/** Seconds: of charts of an hour, and of charts of a day or a month. */
export const spans = [60, 600]
/** Rows that could not be written and are tried again; while the database is away nothing new comes. */
const maxUnwritten = 20_000

/** Counts what becomes of items, in memory, and adds it to what the database has every ten seconds. */
export class QueueStatistics {
  readonly #database: OpenDatabase
  readonly #events: Events
  readonly #now: () => number
  #sums = new Map<number, Sums>()
  /** The last one asked for: mostly the next one, too. */
  #last: { readonly queue: number; readonly sums: Sums } | undefined
  /** When what is being counted began, by the database's clock; and what to add to the monotonic clock for that. */
  #since = 0
  #offset = 0
  #unwritten: StatisticRow[] = []
  #timer: NodeJS.Timeout | undefined
  /** Sums are of many callers: their timer must not run in the async context of one of them. */
  readonly #outside = AsyncLocalStorage.snapshot()
  #writing: Promise<void> | undefined

  /** @param now the time of the database, in milliseconds */
  constructor(database: OpenDatabase, events: Events, now: () => number) {
    this.#database = database
    this.#events = events
    this.#now = now
  }

  /** Items were accepted for a queue. */
  accepted(queue: number, count: number): void {
    this.#of(queue).accepted += count
  }

  /** Items that were not in memory were cancelled. */
  cancelled(queue: number, count: number): void {
    this.#of(queue).cancelled += count
  }

  /** An item's stay in memory was settled. */
  settled(work: WorkItem): void {
    const { outcome, startedAt, endedAt } = work
    if (!outcome) return
    const { kind } = outcome
    if (kind !== 'succeeded' && kind !== 'broken' && kind !== 'cancelled' && kind !== 'failed') return
    const sums = this.#of(work.partition.queue)
    sums[kind]++
    if (startedAt === 0) return
    if (kind === 'broken') sums.failed++
    count(sums.runs, endedAt - startedAt)
    if (work.attempts === 0) count(sums.waits, startedAt + this.#offset - work.readyAt)
  }

  /** Writes down what was counted, and counts nothing more by itself. */
  async stop(): Promise<void> {
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Writes down what was counted so far. Where that fails it is tried with the next one. */
  async flush(): Promise<void> {
    await this.#writing
    this.#writing = this.#write()
    await this.#writing
  }

  #of(queue: number): Sums {
    if (this.#last?.queue === queue) return this.#last.sums
    let sums = this.#sums.get(queue)
    if (!sums) {
      if (this.#sums.size === 0) this.#begin()
      sums = { accepted: 0, succeeded: 0, broken: 0, cancelled: 0, failed: 0, waits: zeros(), runs: zeros() }
      this.#sums.set(queue, sums)
    }
    this.#last = { queue, sums }
    return sums
  }

  /** What is counted from now on is written down together, and is of one minute. */
  #begin(): void {
    this.#since = this.#now()
    this.#offset = this.#since - performance.now()
    this.#schedule(Math.min(flushMs, minuteMs - (this.#since % minuteMs)))
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#outside(() => setTimeout(() => void this.flush(), delayMs))
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    const rows = [...this.#unwritten, ...toRows(this.#sums, this.#since)]
    this.#sums = new Map()
    this.#last = undefined
    this.#unwritten = []
    clearTimeout(this.#timer)
    if (rows.length === 0) return
    const { driver, schema } = this.#database
    try {
      await addStatistics(driver, schema, merged(rows))
    } catch (error) {
      this.#events.emit('problem', { where: 'statistics', error })
      // Added twice would be worse than left out.
      if (isAmbiguous(error)) return
      this.#unwritten = rows.slice(-maxUnwritten)
      if (this.#sums.size === 0) this.#schedule(flushMs)
    }
  }
}

function zeros(): number[] {
  return Array.from({ length: buckets }, () => 0)
}

function count(histogram: number[], ms: number): void {
  const bucket = bucketOf(ms)
  histogram[bucket] = (histogram[bucket] ?? 0) + 1
}

/** Each queue by each span, and all queues together. */
function toRows(all: ReadonlyMap<number, Sums>, since: number): StatisticRow[] {
  return [...all].flatMap(([queue, sums]) => {
    const { waits, runs } = sums
    const row = { ...sums, waits: trimmed(waits), runs: trimmed(runs) }
    return spans.flatMap((span) => {
      const at = since - (since % (span * 1000))
      return [
        { ...row, queue, span, at },
        { ...row, queue: 0, span, at },
      ]
    })
  })
}

/** Without the empty buckets at its end. */
function trimmed(histogram: readonly number[]): number[] {
  return histogram.slice(0, histogram.findLastIndex((n) => n > 0) + 1)
}

/** One row of each place: a statement cannot change a row twice. */
function merged(rows: readonly StatisticRow[]): StatisticRow[] {
  const places = new Map<string, StatisticRow>()
  for (const row of rows) {
    const place = `${row.queue} ${row.span} ${row.at}`
    const there = places.get(place)
    places.set(place, there ? sumOf(there, row) : row)
  }
  return [...places.values()]
}

function sumOf(a: StatisticRow, b: StatisticRow): StatisticRow {
  return {
    ...a,
    accepted: a.accepted + b.accepted,
    succeeded: a.succeeded + b.succeeded,
    broken: a.broken + b.broken,
    cancelled: a.cancelled + b.cancelled,
    failed: a.failed + b.failed,
    waits: addCounts(a.waits, b.waits),
    runs: addCounts(a.runs, b.runs),
  }
}

function addCounts(a: readonly number[], b: readonly number[]): number[] {
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a]
  return longer.map((n, at) => n + (shorter[at] ?? 0))
}
