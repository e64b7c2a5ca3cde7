import type { TimelineEntry } from '../../api/items.ts'

/** A stretch of an item's life: it waited, or a handler ran, or it had ended and nothing was to come. */
export interface Segment {
  readonly kind: 'wait' | 'run' | 'rest'
  readonly ms: number
  readonly attempt: number
  /** It has not ended. */
  readonly isOpen?: boolean
}

/** An entry, and what lay between the one before and it. */
export interface TimelineStep {
  readonly entry: TimelineEntry
  readonly before: readonly Segment[]
}

/** Entries that say something, and neither begin nor end a run. */
const remarks = new Set(['log', 'gap', 'act', 'progress', 'callback', 'edited', 'note'])

const ends = new Set(['succeeded', 'broken', 'cancelled'])

/** Tells waits and runs apart. A run whose start was not written down is known by the duration of its end. */
export function timelineSteps(entries: readonly TimelineEntry[]): readonly TimelineStep[] {
  let goingOn: Segment['kind'] = 'wait'
  return entries.map((entry, index) => {
    const previous = entries[index - 1]
    const gap = previous === undefined ? 0 : Date.parse(entry.at) - Date.parse(previous.at)
    const before = previous === undefined ? [] : segmentsOf(gap, entry, goingOn)
    if (ends.has(entry.kind)) goingOn = 'rest'
    else if (!remarks.has(entry.kind)) goingOn = entry.kind === 'started' ? 'run' : 'wait'
    return { entry, before }
  })
}

function segmentsOf(gap: number, entry: TimelineEntry, goingOn: Segment['kind']): Segment[] {
  const attempt = entry.attempt ?? 0
  if (gap <= 0) return []
  if (goingOn !== 'wait') return [{ kind: goingOn, ms: gap, attempt }]
  const ran = remarks.has(entry.kind) ? 0 : Math.min(entry.durationMs ?? 0, gap)
  if (ran <= 0) return [{ kind: 'wait', ms: gap, attempt }]
  const waited = gap - ran
  const run: Segment = { kind: 'run', ms: ran, attempt }
  return waited < 1 ? [run] : [{ kind: 'wait', ms: waited, attempt }, run]
}

const openWaits = new Set(['ready', 'scheduled', 'held', 'deferred'])

/** What goes on now; undefined for what has ended. */
export function openSegment(
  state: string,
  entries: readonly TimelineEntry[],
  now: number,
): Segment | undefined {
  const last = entries.at(-1)
  if (last === undefined) return undefined
  const ms = Math.max(0, now - Date.parse(last.at))
  const attempt = last.attempt ?? 0
  if (state === 'running') return { kind: 'run', ms, attempt, isOpen: true }
  return openWaits.has(state) ? { kind: 'wait', ms, attempt, isOpen: true } : undefined
}
