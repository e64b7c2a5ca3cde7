import { emptyActRows } from './act-rows.ts'
import type { Note } from './settlement-batch.ts'
import type { Outcome, WorkItem } from './work-item.ts'

/** Whether the attempt was told to end since its queue was stopped, and counts for nothing: the item is ready as before. */
export function isGivenBack({ attempt }: WorkItem, outcome: Outcome): boolean {
  if (outcome.kind !== 'failed' && outcome.kind !== 'broken') return false
  return attempt?.abortReason?.code === 'QUEUE_STOPPED'
}

/**
 * Makes of an item whose attempt counts for nothing one that has not started.
 * @returns what the tracked items have to be told, where they say that it runs
 */
export function giveBack(work: WorkItem): Note | undefined {
  const { id, partition, attempts, wasPublished, attempt } = work
  const message = attempt?.abortReason?.message ?? ''
  work.attempt = undefined
  work.startedAt = 0
  work.published = false
  if (!wasPublished) return undefined
  const acts = emptyActRows()
  // Reopened its attempts are 0 again; what has had one lies in the lane, which says how many.
  acts.tracked.push(JSON.stringify({ id, state: 'ready', ...(attempts === 0 && { reopened: true }) }))
  const logged = [JSON.stringify({ id, attempt: attempts + 1, event: 'stopped', message })]
  return { partition, ranges: [], holesIn: [], holesOut: [], acts, logged, givenBack: id }
}
