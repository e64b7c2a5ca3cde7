import type { Events } from '../base/events.ts'
import { blocksKey, type WorkItem } from './work-item.ts'

/** Tells of an attempt that has failed, once that is settled. */
export function tellFailure(work: WorkItem, events: Events): void {
  const { outcome } = work
  if (outcome?.kind !== 'failed' && outcome?.kind !== 'broken') return
  const { code, message } = outcome.failure
  const { d: definition } = work.entry
  const attempt = work.attempts + 1
  if (outcome.kind === 'broken') {
    events.emit('item.broken', { id: work.id, definition, attempts: attempt, code, message })
    if (blocksKey(work))
      events.emit('key.blocked', { id: work.id, definition, key: work.entry.k as string, code })
  } else
    events.emit('item.failed', {
      id: work.id,
      definition,
      attempt,
      code,
      message,
      retryInMs: outcome.retryInMs,
    })
}
