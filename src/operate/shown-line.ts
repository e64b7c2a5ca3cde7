import type { Redaction } from './redaction.ts'

/** A line of an item's log. */
interface Line {
  readonly event: string
  readonly message: string
  readonly data?: unknown
}

/** Lines that acts leave. */
const actEvents: ReadonlySet<string> = new Set([
  'cancelled',
  'deferred',
  'resumed',
  'requeued',
  'edited',
  'removed',
  'cloned',
  'made',
  'skipped',
  'released',
])

/**
 * A line as an operator sees it. What operators have said is shown as they said it: no item is in it, and who writes a reason
 * would find out what is secret by what of it reads as hidden.
 */
export function shownLine({ payload, text, anything }: Redaction, { event, message, data }: Line): Line {
  if (!actEvents.has(event)) return { event, message: text(message), data: anything(data) }
  if (typeof data !== 'object' || data === null || !('before' in data)) return { event, message, data }
  return { event, message, data: { ...data, before: payload(data.before) } }
}
