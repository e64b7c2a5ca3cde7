import type { Definition } from '../define/definition.ts'
import type { Entry } from './entry.ts'
import type { Outcome, WorkItem } from './work-item.ts'

/**
 * The rows that outcomes become, as JSON text for the SQL function `settle`. Written by hand on the hot path: input and
 * result are JSON already, and go in as they are.
 */

const nulEscape = '\\u0000'

/** A first run that succeeded, of an item that no index pass has met: a plain insert. */
export function trackedRow(
  work: WorkItem,
  definition: Definition,
  result: string | undefined,
  now: number,
): string {
  const { entry, partition } = work
  let row = `{"id":"${work.id}","q":${partition.queue},"d":"${entry.d}","e":${work.enqueuedAt},"s":${Math.round(now - work.startedAt)},"x":${definition.retentionMs}`
  if (entry.k !== undefined) row += `,"k":${JSON.stringify(entry.k)}`
  if (entry.c !== undefined) row += `,"c":${JSON.stringify(entry.c)}`
  row += `,"i":${JSON.stringify(entry.i)}`
  if (result !== undefined) row += resultMember(result)
  return `${row}}`
}

// A column of type json cannot take NUL, even escaped; as a JSON string within text it can.
function resultMember(result: string): string {
  return result.includes(nulEscape) ? `,"rt":${JSON.stringify(result)}` : `,"r":${result}`
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

// In the lane the row itself says the id and the time.
function bareEntry(entry: Entry): Entry {
  const { id: _id, e: _e, a: _a, ...rest } = entry
  return rest
}
