import { CoatcheckError } from '../base/errors.ts'
import type { Processor } from './processor.ts'
import type { WorkItem } from './work-item.ts'

/** A handler that runs so long after it was told to end is stuck: nothing waits for it any more. */
const stuckAfterMs = 30_000

/**
 * Tells attempts of a definition whose time is up to end.
 * @param onStuck called once for each that has not ended 30 s after it was told to; `sinceMs` since then
 */
export function sweepAttempts(
  { definition: { name, timeoutMs }, running }: Processor,
  now: number,
  onStuck: (work: WorkItem, sinceMs: number) => void,
): void {
  for (const work of running) {
    const { attempt } = work
    if (!attempt) continue
    const sinceMs = now - attempt.abortedAt
    if (attempt.abortedAt === 0) {
      if (now - work.startedAt >= timeoutMs)
        attempt.cancel(new CoatcheckError('TIMEOUT', `${name} did not end within ${timeoutMs} ms`))
    } else if (!attempt.reportedStuck && sinceMs >= stuckAfterMs) {
      attempt.reportedStuck = true
      onStuck(work, sinceMs)
    }
  }
}
