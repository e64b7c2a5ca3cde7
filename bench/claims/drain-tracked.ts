import type { Claim, Size } from '../claim.ts'
import { measureDrain } from '../drain-measure.ts'

/** Working off a queue that keeps a row for every item: when it came and ended, its input and its result. */
export function trackedDrainClaim(size: Size): Claim {
  return {
    name: 'drain-tracked',
    title: 'Drain, fully tracked',
    peer: 'graphile-worker',
    how:
      'As the drain, but coatcheck keeps every item with its input and its result, checked after the drain. graphile-worker ' +
      'keeps nothing of a job that has succeeded.',
    measures: [
      measureDrain(
        {
          title: 'every item tracked with input and result',
          kind: 'tracked',
          items: { coatcheck: 100_000, graphile: 100_000 },
          quick: 2000,
          bar: 2,
        },
        size,
      ),
    ],
  }
}
