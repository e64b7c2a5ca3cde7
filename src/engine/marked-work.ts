import type { MarkedItem } from '../store/crashes.ts'
import type { WorkItem } from './work-item.ts'

/** Whether it runs, or has ended and its settle has not committed. */
export function isOpen(work: WorkItem): boolean {
  const { partition, waiting } = work
  if (partition.lost) return false
  // Told to stop by a node that stops, or put back: it has no outcome, and is open until the node is gone.
  return waiting ? partition.fromLane.get(waiting.id) === work : !partition.done.has(work.position)
}

/** Whether it waits as before: its queue was stopped. */
export function isBack({ startedAt, outcome }: WorkItem): boolean {
  return startedAt === 0 && outcome === undefined
}

/** Whether it may be what ends the node. */
export function mayCrash(work: WorkItem): boolean {
  return isOpen(work) && !isBack(work)
}

export function isStuck({ attempt }: WorkItem): boolean {
  return attempt?.reportedStuck === true
}

/** @param turn its place in the line of those that run one after the other */
export function toMark(work: WorkItem, turn?: number): MarkedItem {
  const { id, partition, position, waiting, attempts } = work
  return {
    id,
    q: partition.queue,
    p: partition.partition,
    position,
    ...(waiting ? { version: waiting.version } : {}),
    a: attempts + 1,
    ...(turn === undefined ? {} : { turn }),
  }
}
