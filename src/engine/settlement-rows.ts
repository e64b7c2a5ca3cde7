import { defaultRetentionMs, untilRemovedMs, type Definition } from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import { maxTrackedGroups } from '../store/settlement.ts'
import type { Entry } from './entry.ts'
import { blocksKey, type Outcome, type WorkItem } from './work-item.ts'

/**
 * The rows that outcomes become, as JSON text for the SQL function `settle`. Written by hand on the hot path: input and
 * result are JSON already, and go in as they are.
 */

/**
 * First runs that succeeded, of items that no index pass has met: a plain insert. By definition and column by column, since
 * that is how the database takes them fastest.
 */
export class TrackedGroups {
  readonly #groups = new Map<string, TrackedGroup>()

  /** @returns false where it has no place: too many definitions for one settle */
  add(work: WorkItem, definition: Definition, result: string | undefined, now: number): boolean {
    const name = `${work.partition.queue} ${definition.id}`
    let group = this.#groups.get(name)
    if (!group) {
      if (this.#groups.size === maxTrackedGroups) return false
      this.#groups.set(name, (group = new TrackedGroup(work.partition.queue, definition)))
    }
    group.add(work, result, now)
    return true
  }

  arguments(): unknown[][] {
    return Array.from(this.#groups.values(), (group) => group.arguments())
  }
}

class TrackedGroup {
  readonly #queue: number
  readonly #definition: Definition
  readonly #ids: string[] = []
  readonly #enqueued: number[] = []
  readonly #ages: number[] = []
  readonly #keys: string[] = []
  readonly #contexts: string[] = []
  readonly #inputs: string[] = []
  readonly #results: string[] = []
  #hasKeys = false
  #hasContexts = false

  constructor(queue: number, definition: Definition) {
    this.#queue = queue
    this.#definition = definition
  }

  add(work: WorkItem, result: string | undefined, now: number): void {
    const { entry } = work
    this.#ids.push(work.id)
    this.#enqueued.push(work.enqueuedAt)
    this.#ages.push(Math.round(now - work.startedAt))
    this.#keys.push(entry.k === undefined ? 'NULL' : quoteElement(entry.k))
    this.#contexts.push(entry.c === undefined ? 'NULL' : quoteElement(JSON.stringify(entry.c)))
    this.#inputs.push(JSON.stringify(entry.i))
    this.#results.push(result ?? '')
    this.#hasKeys ||= entry.k !== undefined
    this.#hasContexts ||= entry.c !== undefined
  }

  /** Arrays as literals, inputs and results as lines. */
  arguments(): unknown[] {
    return [
      this.#queue,
      this.#definition.id,
      this.#definition.retention.succeededMs,
      `{${this.#ids.join(',')}}`,
      `{${this.#enqueued.join(',')}}`,
      `{${this.#ages.join(',')}}`,
      this.#hasKeys ? `{${this.#keys.join(',')}}` : null,
      this.#hasContexts ? `{${this.#contexts.join(',')}}` : null,
      this.#inputs.join('\n'),
      this.#results.join('\n'),
    ]
  }
}

function quoteElement(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** How long an item that ended so is kept, and for a broken one, told of. */
export function retentionMs(definition: Definition | undefined, state: string): number {
  // Where this node does not know it: what most say.
  if (!definition) return state === 'broken' ? untilRemovedMs : defaultRetentionMs
  const { succeededMs, cancelledMs, brokenMs } = definition.retention
  if (state === 'succeeded') return succeededMs
  return state === 'broken' ? brokenMs : cancelledMs
}

/** Everything else that tracked items say: inserted, or merged into what is there. */
export function mergedRow(work: WorkItem, state: string, now: number): string {
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
    ...(ended ? { x: retentionMs(work.processor?.definition, state) } : {}),
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
export function waitingRow(
  work: WorkItem,
  state: 'scheduled' | 'held' | 'ready' | 'deferred',
  now: number,
): string {
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
    ...(failed ? { ...dueOf(outcome), failure: JSON.stringify(outcome.failure) } : {}),
    attempts: attemptsOf(work, state),
    entry: JSON.stringify(bareEntry(entry)),
    enqueued_ms: work.enqueuedAt,
    ...(work.startedAt > 0 ? { age_ms: Math.round(now - work.startedAt) } : {}),
  })
}

function dueOf({ dueAt, retryInMs }: { readonly dueAt?: number; readonly retryInMs: number }) {
  return dueAt === undefined ? { delay_ms: retryInMs } : { due_ms: dueAt }
}

/** The change of a lane row whose attempt failed, and that waits for the next one. */
export function waitingChange(work: WorkItem, now: number): string {
  const { waiting, outcome } = work
  return JSON.stringify({
    id: waiting?.id,
    version: waiting?.version,
    state: 'scheduled',
    delay_ms: outcome?.kind === 'failed' ? outcome.retryInMs : 0,
    attempts: attemptsOf(work, 'scheduled'),
    ...(outcome?.kind === 'failed' ? { failure: JSON.stringify(outcome.failure) } : {}),
    ...(work.startedAt > 0 ? { age_ms: Math.round(now - work.startedAt) } : {}),
  })
}

export function brokenRow(work: WorkItem, now: number): string {
  const { entry, partition, outcome } = work
  return JSON.stringify({
    id: work.id,
    queue: partition.queue,
    partition: partition.partition,
    ...work.ord,
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
    ...(blocksKey(work) ? { blocks: true } : {}),
  })
}

/** The lines of an item's log that an attempt leaves: what the handler wrote, how the attempt failed, and how long it ran. */
export function logRows(work: WorkItem, now: number): string[] {
  const attempt = attemptsOf(work, 'failed')
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
        data: JSON.stringify(
          work.startedAt > 0 ? { ...failure, ranMs: Math.round(now - work.startedAt) } : failure,
        ),
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

/** What is told of an item whose handler has not ended long after it was told to stop. */
export function stuckRows(
  work: WorkItem,
  failure: FailureRecord,
  now: number,
): { row: string; logged: string } {
  const running = JSON.parse(mergedRow(work, 'running', now)) as object
  const logged = {
    id: work.id,
    attempt: work.attempts + 1,
    event: 'stuck',
    message: `${failure.message}, and the handler has not ended since; its slot and its key stay taken`,
    data: JSON.stringify(failure),
  }
  return { row: JSON.stringify({ ...running, f: failure }), logged: JSON.stringify(logged) }
}
