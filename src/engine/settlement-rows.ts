import type { Definition } from '../define/definition.ts'
import type { Entry } from './entry.ts'
import type { Outcome, WorkItem } from './work-item.ts'

/**
 * The rows that outcomes become, as JSON text for the SQL function `settle`. Written by hand on the hot path: input and
 * result are JSON already, and go in as they are.
 */

/**
 * First runs that succeeded, of items that no index pass has met: a plain insert. Column by column, since that is how the
 * database takes them fastest.
 */
export class TrackedColumns {
  readonly #columns: string[][] = Array.from({ length: 10 }, () => [])

  add(work: WorkItem, definition: Definition, result: string | undefined, now: number): void {
    const { entry, partition } = work
    const [ids, queues, definitions, keys, enqueued, ages, kept, contexts, inputs, results] =
      this.#columns as Columns
    ids.push(work.id)
    queues.push(String(partition.queue))
    definitions.push(`"${entry.d}"`)
    keys.push(entry.k === undefined ? 'NULL' : quoteElement(entry.k))
    enqueued.push(String(work.enqueuedAt))
    ages.push(String(Math.round(now - work.startedAt)))
    kept.push(String(definition.retentionMs))
    contexts.push(entry.c === undefined ? 'NULL' : quoteElement(JSON.stringify(entry.c)))
    inputs.push(JSON.stringify(entry.i))
    results.push(result ?? '')
  }

  /** Array literals, and inputs and results as lines; null where there is nothing. */
  literals(): string[] | null {
    if (this.#columns[0]?.length === 0) return null
    return this.#columns.map((column, at) => (at < firstLines ? `{${column.join(',')}}` : column.join('\n')))
  }
}

/** The columns from here on go as lines: JSON text has no line breaks. */
const firstLines = 8

type Columns = [
  string[],
  string[],
  string[],
  string[],
  string[],
  string[],
  string[],
  string[],
  string[],
  string[],
]

function quoteElement(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** Everything else that tracked items say: inserted, or merged into what is there. */
export function mergedRow(work: WorkItem, retentionMs: number, state: string, now: number): string {
  const { entry, partition, outcome, attempt } = work
  const ended = state === 'succeeded' || state === 'broken' || state === 'cancelled'
  const failure = outcome?.kind === 'failed' || outcome?.kind === 'broken' ? outcome.failure : undefined
  const result = outcome?.kind === 'succeeded' ? outcome.result : undefined
  return JSON.stringify({
    id: work.id,
    q: partition.queue,
    d: entry.d,
    k: entry.k,
    state,
    a: attemptsOf(work, state),
    e: work.enqueuedAt,
    ...(work.startedAt > 0 ? { s: Math.round(now - work.startedAt) } : {}),
    ...(ended ? { x: retentionMs } : {}),
    c: entry.c,
    i: entry.i,
    ...(result === undefined ? {} : { rt: result }),
    f: failure,
    ...(attempt?.progressText === undefined ? {} : { p: JSON.parse(attempt.progressText) as unknown }),
    ...(outcome?.kind === 'succeeded' && outcome.reply !== undefined
      ? { reply: JSON.parse(outcome.reply) as unknown }
      : {}),
    ...(outcome?.kind === 'cancelled' ? { reason: outcome.reason } : {}),
  })
}

/** A row for the waiting lane: the item goes there from the log. */
export function waitingRow(work: WorkItem, state: 'scheduled' | 'held' | 'ready', now: number): string {
  const { entry, partition, outcome } = work
  const failed = outcome?.kind === 'failed'
  return JSON.stringify({
    id: work.id,
    queue: partition.queue,
    partition: partition.partition,
    generation: partition.generation,
    position: work.position,
    definition: entry.d,
    scope: work.scope,
    key: entry.k,
    state,
    moves: false,
    ...(failed ? { delay_ms: outcome.retryInMs, failure: JSON.stringify(outcome.failure) } : {}),
    attempts: attemptsOf(work, state),
    entry: JSON.stringify(bareEntry(entry)),
    enqueued_ms: work.enqueuedAt,
    ...(work.startedAt > 0 ? { age_ms: Math.round(now - work.startedAt) } : {}),
  })
}

/** The change of a lane row whose attempt failed, and that waits for the next one. */
export function waitingChange(work: WorkItem, now: number): string {
  const { waiting, outcome } = work
  return JSON.stringify({
    id: waiting?.id,
    version: waiting?.version,
    state: 'scheduled',
    delay_ms: outcome?.kind === 'failed' ? outcome.retryInMs : 0,
    attempts: work.attempts + 1,
    ...(outcome?.kind === 'failed' ? { failure: JSON.stringify(outcome.failure) } : {}),
    age_ms: Math.round(now - work.startedAt),
  })
}

export function brokenRow(work: WorkItem, now: number): string {
  const { entry, partition, outcome } = work
  return JSON.stringify({
    id: work.id,
    queue: partition.queue,
    partition: partition.partition,
    generation: partition.generation,
    position: work.position,
    definition: entry.d,
    scope: work.scope,
    key: entry.k,
    attempts: attemptsOf(work, 'broken'),
    entry: JSON.stringify(bareEntry(entry)),
    enqueued_ms: work.enqueuedAt,
    ...(work.startedAt > 0 ? { age_ms: Math.round(now - work.startedAt) } : {}),
    failure: JSON.stringify(
      outcome?.kind === 'broken' ? outcome.failure : { code: 'INTERNAL', message: 'unknown' },
    ),
  })
}

/** The lines of an item's log that an attempt leaves: what the handler wrote, and how the attempt failed. */
export function logRows(work: WorkItem, now: number): string[] {
  const attempt = work.attempts + 1
  const rows = (work.attempt?.lines ?? []).map((line) =>
    JSON.stringify({
      id: work.id,
      age_ms: now - line.at,
      attempt,
      event: 'log',
      message: line.message,
      data: line.data,
    }),
  )
  const failure = failureOf(work.outcome)
  if (failure && work.outcome)
    rows.push(
      JSON.stringify({
        id: work.id,
        attempt,
        event: work.outcome.kind,
        message: failure.message,
        data: JSON.stringify(failure),
      }),
    )
  return rows
}

function failureOf(outcome: Outcome | undefined) {
  return outcome?.kind === 'failed' || outcome?.kind === 'broken' ? outcome.failure : undefined
}

// Attempts that have ended; one that never began is none.
function attemptsOf(work: WorkItem, state: string): number {
  if (work.startedAt === 0) return work.attempts
  return state === 'held' || state === 'ready' ? work.attempts : work.attempts + 1
}

// In the lane the row itself says the time and the attempts. The id stays: it tells that the item is tracked, whatever its queue says.
function bareEntry(entry: Entry): Entry {
  const { e: _e, a: _a, ...rest } = entry
  return rest
}
