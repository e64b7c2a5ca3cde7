import type { Item } from '../define/item.ts'
import type { WorkItem } from './work-item.ts'

/** The item as its own handler sees it. */
export function describeWork(work: WorkItem, queueName: string, now: number): Item {
  const { entry, processor } = work
  const definition = processor?.definition
  return Object.freeze({
    id: work.id,
    state: 'running' as const,
    processor: definition?.name ?? entry.d,
    kind: definition?.kind ?? 'queue-processor',
    application: definition?.application ?? '',
    queue: queueName,
    key: entry.k ?? null,
    attempts: work.attempts + 1,
    input: entry.i,
    context: entry.c ?? {},
    enqueuedAt: new Date(work.enqueuedAt),
    startedAt: new Date(now),
  })
}
