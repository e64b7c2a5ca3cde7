import type { FoundWork } from './act-plan.ts'
import type { CrashGuard } from './crash-guard.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import type { WorkItem } from './work-item.ts'

/**
 * Finds items in memory by their ids, in one walk over what waits and what runs. Those that have ended are with the settler,
 * and not found: whoever looks for them sees that they are not done.
 */
export function findInMemory(
  processors: Iterable<Processor>,
  partitions: Iterable<OwnedPartition>,
  guard: Pick<CrashGuard, 'eachWaiting'>,
  wanted: { has(id: string): boolean },
): Map<string, FoundWork> {
  const found = new Map<string, FoundWork>()
  const visit = (work: WorkItem, place: FoundWork['place']): void => {
    if (work.partition.acts === undefined || work.partition.lost) return
    if (work.outcome === undefined && wanted.has(work.id)) found.set(work.id, { work, place })
  }
  for (const processor of processors) {
    processor.eachReady((work) => visit(work, 'ready'))
    for (const work of processor.running) visit(work, work.attempt ? 'running' : 'starting')
  }
  guard.eachWaiting((work) => visit(work, 'ready'))
  for (const partition of partitions) {
    if (partition.acts === undefined) continue
    for (const work of partition.parked) visit(work, 'ready')
    for (const lines of partition.lines.values())
      for (const line of lines.values()) line.held.each((work) => visit(work, 'held'))
  }
  return found
}
