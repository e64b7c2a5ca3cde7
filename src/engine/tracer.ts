import { AsyncLocalStorage } from 'node:async_hooks'
import type { Events } from '../base/events.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readTraces, writeTraceLines, type TraceLine, type TraceRow } from '../store/traces.ts'
import type { WorkItem } from './work-item.ts'

type Line = TraceLine & { readonly trace: string }

/** Of a trace, between two writes; whoever watches could not read more. */
const maxLines = 100
const writeMs = 500
const maxMessage = 500

/** Writes down what happens to items of queues that somebody watches, a bounded part of it. */
export class Tracer {
  readonly #database: OpenDatabase
  readonly #events: Events
  readonly #now: () => number
  #traces: readonly TraceRow[] = []
  #lines: Line[] = []
  readonly #counts = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  /** Lines are of many callers: their timer must not run in the async context of one of them. */
  readonly #outside = AsyncLocalStorage.snapshot()

  /** @param now the time of the database, in milliseconds */
  constructor(database: OpenDatabase, events: Events, now: () => number) {
    this.#database = database
    this.#events = events
    this.#now = now
  }

  /** Learns what is watched. @returns the numbers of the queues */
  async learn(): Promise<ReadonlySet<number>> {
    const { driver, schema } = this.#database
    this.#traces = await readTraces(driver, schema)
    return new Set(this.#traces.map(({ queue }) => queue))
  }

  accepted(works: readonly WorkItem[]): void {
    for (const work of works) this.#note(work, 'accepted', work.enqueuedAt, undefined)
  }

  started(work: WorkItem): void {
    this.#note(work, 'started', this.#now(), undefined)
  }

  settled(work: WorkItem): void {
    const { outcome, startedAt, endedAt } = work
    if (!outcome) return
    const { kind } = outcome
    if (kind !== 'succeeded' && kind !== 'failed' && kind !== 'broken' && kind !== 'cancelled') return
    const at = this.#now() - Math.max(0, performance.now() - endedAt)
    const failure = kind === 'failed' || kind === 'broken' ? outcome.failure : undefined
    const reason = kind === 'cancelled' ? outcome.reason : undefined
    const took = startedAt > 0 ? `${Math.max(0, endedAt - startedAt)} ms` : undefined
    this.#note(work, kind, Math.round(at), failure ? `${failure.code}: ${failure.message}` : (reason ?? took))
  }

  #note(work: WorkItem, event: string, at: number, message: string | undefined): void {
    const { queue } = work.partition
    const key = work.entry.k
    for (const trace of this.#traces) {
      if (trace.queue !== queue || (trace.key !== undefined && trace.key !== key)) continue
      const count = (this.#counts.get(trace.id) ?? 0) + 1
      this.#counts.set(trace.id, count)
      if (count <= maxLines)
        this.#lines.push({
          trace: trace.id,
          at,
          item: work.id,
          definition: work.entry.d,
          key,
          event,
          attempt: event === 'accepted' ? undefined : work.attempts + 1,
          message: message?.slice(0, maxMessage).toWellFormed(),
        })
      if (!this.#timer)
        this.#timer = this.#outside(() => setTimeout(() => void this.#write(), writeMs).unref())
    }
  }

  async #write(): Promise<void> {
    const lines = this.#lines
    const at = this.#now()
    for (const [trace, count] of this.#counts)
      if (count > maxLines)
        lines.push({
          trace,
          at,
          item: undefined,
          definition: undefined,
          key: undefined,
          event: 'dropped',
          attempt: count - maxLines,
          message: undefined,
        })
    this.#lines = []
    this.#counts.clear()
    this.#timer = undefined
    const { driver, schema } = this.#database
    try {
      await writeTraceLines(driver, schema, lines)
    } catch (error) {
      // What was lost was for looking at.
      this.#events.emit('problem', { where: 'trace', error })
    }
  }
}
