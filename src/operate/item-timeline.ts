import type { Act } from '../define/act.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { Item, ItemLogEntry } from '../define/item.ts'
import type { ItemHistory, ItemLogRow, LinesAtEnds } from '../store/item-log.ts'
import type { Redaction } from './redaction.ts'
import { shownLine } from './shown-line.ts'

/** Something that happened to an item. */
export interface TimelineEntry {
  readonly at: Date
  readonly kind:
    | 'accepted'
    | 'started'
    | 'failed'
    | 'stuck'
    | 'scheduled'
    | 'log'
    | 'gap'
    | 'act'
    | 'succeeded'
    | 'broken'
    | 'cancelled'
    | 'callback'
  /** From 1; 0 outside any. */
  readonly attempt: number
  readonly message: string
  /** Of an attempt that has ended. */
  readonly durationMs?: number
  readonly data?: unknown
  readonly error?: FailureRecord
}

/** A callback of an item, which is an item itself. */
export interface CallbackStanding {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly enqueuedAt: Date
}

/** What the entries of one time come in. */
const order: readonly TimelineEntry['kind'][] = [
  'accepted',
  'started',
  'log',
  'gap',
  'stuck',
  'failed',
  'broken',
  'succeeded',
  'act',
  'cancelled',
  'scheduled',
  'callback',
]

/** All that is known to have happened to an item, the oldest first. */
export function timelineOf(
  item: Item,
  { events, lines }: ItemHistory,
  acts: readonly Act[],
  callbacks: readonly CallbackStanding[],
  redaction: Redaction,
): TimelineEntry[] {
  const log = [events, lines].flatMap(({ first, last }) => [...first, ...last]).map(toEntry)
  const gaps = [gapEntry('events', events), gapEntry('lines of its log', lines)]
  const entries = [
    acceptedEntry(item),
    ...log.flatMap((line) => lineEntries(line, redaction)),
    ...gaps.flatMap((gap) => gap ?? []),
    ...lastAttempt(item, log, redaction),
    ...acts.filter(({ verdict }) => verdict !== 'applied').map(openEntry),
    ...callbacks.map(callbackEntry),
  ]
  return entries
    .map((entry) => beforeItsLines(entry, log))
    .toSorted(
      (one, other) =>
        one.at.getTime() - other.at.getTime() ||
        one.attempt - other.attempt ||
        order.indexOf(one.kind) - order.indexOf(other.kind),
    )
}

/** Where an attempt began is told by how long it ran, and rounded: what its handler wrote comes after. */
const roundingMs = 100

function beforeItsLines(entry: TimelineEntry, log: readonly ItemLogEntry[]): TimelineEntry {
  if (entry.kind !== 'started') return entry
  const at = entry.at.getTime()
  const lines = log.filter((line) => line.attempt === entry.attempt && line.event === 'log')
  const early = lines.map((line) => line.at.getTime()).filter((time) => time < at && time > at - roundingMs)
  return early.length === 0 ? entry : { ...entry, at: new Date(Math.min(...early)) }
}

function acceptedEntry({ enqueuedAt, context, queue }: Item): TimelineEntry {
  const by = context.caller ?? context.operator
  const message = `accepted${by === undefined ? '' : ` from ${by}`} into ${queue}`
  return { at: enqueuedAt, kind: 'accepted', attempt: 0, message, data: context }
}

function lineEntries(line: ItemLogEntry, redaction: Redaction): TimelineEntry[] {
  const { at, attempt, event } = line
  const shown = shownLine(redaction, line)
  const { message } = shown
  const data = line.data === undefined ? {} : { data: shown.data }
  if (event === 'log') return [{ at, kind: 'log', attempt, message, ...data }]
  if (event === 'failed' || event === 'broken' || event === 'stuck') {
    const { ranMs, ...failure } = line.data as FailureRecord & { readonly ranMs?: number }
    const error = redaction.failure(failure)
    const ended: TimelineEntry = { at, kind: event, attempt, message, error }
    if (ranMs === undefined) return [ended]
    return [startedEntry(new Date(at.getTime() - ranMs), attempt), { ...ended, durationMs: ranMs }]
  }
  return [{ at, kind: 'act', attempt, message, ...data }]
}

function toEntry({ at, attempt, event, message, data }: ItemLogRow): ItemLogEntry {
  const parsed = data === null ? {} : { data: JSON.parse(data) as unknown }
  return { at: new Date(at), attempt, event, message, ...parsed }
}

/** Says that something is left out, and where. */
function gapEntry(what: string, { first, leftOut }: LinesAtEnds): TimelineEntry | undefined {
  const before = first.at(-1)
  if (leftOut.count === 0 || !before) return undefined
  const { count, isAtLeast } = leftOut
  return {
    at: new Date(before.at),
    kind: 'gap',
    attempt: before.attempt,
    message: `${isAtLeast ? 'at least ' : ''}${count} ${what} are left out here`,
    data: { count, isAtLeast },
  }
}

function startedEntry(at: Date, attempt: number): TimelineEntry {
  return { at, kind: 'started', attempt, message: `attempt ${attempt} started` }
}

/** What the record says beyond the log: the attempt that runs or has ended well, the end, the next attempt. */
function lastAttempt(item: Item, log: readonly ItemLogEntry[], redaction: Redaction): TimelineEntry[] {
  const { state, startedAt, endedAt, dueAt, attempts, reason, error } = item
  const entries: TimelineEntry[] = []
  // Requeued, its attempts begin anew.
  const since = log.slice(log.findLastIndex(({ event }) => event === 'requeued') + 1)
  const isUntold = !since.some(
    ({ event, attempt }) => (event === 'failed' || event === 'broken') && attempt === attempts,
  )
  if (startedAt && attempts > 0 && isUntold) entries.push(startedEntry(startedAt, attempts))
  const durationMs = startedAt && endedAt && isUntold ? endedAt.getTime() - startedAt.getTime() : undefined
  const ran = durationMs === undefined ? {} : { durationMs }
  if (endedAt && state === 'succeeded')
    entries.push({ at: endedAt, kind: 'succeeded', attempt: attempts, message: 'succeeded', ...ran })
  if (endedAt && state === 'cancelled')
    entries.push({
      at: endedAt,
      kind: 'cancelled',
      attempt: 0,
      message: `cancelled${reason === undefined ? '' : `: ${reason}`}`,
    })
  if (endedAt && state === 'broken' && error && !since.some(({ event }) => event === 'broken'))
    entries.push({
      at: endedAt,
      kind: 'broken',
      attempt: attempts,
      message: redaction.text(error.message),
      error: redaction.failure(error),
      ...ran,
    })
  if (dueAt && state === 'scheduled')
    entries.push({
      at: since.findLast(({ event }) => event === 'failed')?.at ?? item.enqueuedAt,
      kind: 'scheduled',
      attempt: attempts,
      message: `${attempts > 0 ? `attempt ${attempts + 1}` : 'it'} is due at ${dueAt.toISOString()}`,
      data: { dueAt },
    })
  return entries
}

/** What was asked for and not done, or not yet: the log tells of the rest. */
function openEntry({ id, kind, verdict, operator, reason, state, askedAt, decidedAt }: Act): TimelineEntry {
  const by = operator === undefined ? '' : ` by ${operator}`
  const message =
    verdict === 'refused' ? `${kind} asked for${by} and refused: it was ${state}` : `${kind} asked for${by}`
  return {
    at: decidedAt ?? askedAt,
    kind: 'act',
    attempt: 0,
    message,
    data: {
      act: id,
      verdict,
      ...(operator !== undefined && { operator }),
      ...(reason !== undefined && { reason }),
    },
  }
}

function callbackEntry({ id, state, attempts, enqueuedAt }: CallbackStanding): TimelineEntry {
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  return {
    at: enqueuedAt,
    kind: 'callback',
    attempt: 0,
    message: `callback ${state}, ${tries}`,
    data: { id, state, attempts },
  }
}
