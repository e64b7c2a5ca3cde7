import type { Claim, Size } from '../claim.ts'
import { measureDrain, type Drain } from '../drain-measure.ts'

const drains: readonly Drain[] = [
  {
    title: 'no key, only failures tracked',
    kind: 'untracked',
    items: { coatcheck: 300_000, graphile: 100_000 },
    quick: 5000,
    bar: 8,
  },
  {
    title: '1,000 keys in order, only failures tracked',
    kind: 'keyed',
    items: { coatcheck: 100_000, graphile: 20_000 },
    quick: 2000,
  },
]

/** Working off a queue of which only failures are kept, with at most 500 items unsettled. */
export function drainClaim(size: Size): Claim {
  return {
    name: 'drain',
    title: 'Drain',
    peer: 'graphile-worker',
    how:
      'Items a second from the first handler call until the database says that the last is settled, by one worker in a process ' +
      'of its own, started on a queue filled before in calls of 1,000. The handler is asynchronous and does nothing but tick ' +
      'its item off: each must come exactly once. At most 500 items are finished and not settled (`maxUnsettled`). For keys ' +
      'graphile-worker gets a named queue each.',
    measures: drains.map((drain) => measureDrain(drain, size)),
  }
}
