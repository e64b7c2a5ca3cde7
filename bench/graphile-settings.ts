import type { GraphileSettings } from './tasks/graphile-worker.ts'

/**
 * The settings of graphile-worker's own performance test. Measured beside them: concurrentJobs of 10, 50, 100 and 500 and
 * completeJobBatchDelay of 5 and 250 are no faster, and completeJobBatchDelay of -1 is four times slower.
 */
export const graphileSettings: GraphileSettings = {
  concurrency: 24,
  localQueue: 500,
  completeJobBatchDelay: 0,
}

export function showSettings({ concurrency, localQueue, completeJobBatchDelay }: GraphileSettings): string {
  return `concurrentJobs ${concurrency}, localQueue ${localQueue}, completeJobBatchDelay ${completeJobBatchDelay}`
}
