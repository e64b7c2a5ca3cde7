import type { Mutant } from './mutant.ts'
import { ackBeforeCommit } from './mutants/01-ack-before-commit.ts'
import { noFence } from './mutants/02-no-fence.ts'
import { takesFromTheLiving } from './mutants/03-takes-from-the-living.ts'
import { holesAreDead } from './mutants/04-holes-are-dead.ts'
import { nodeClock } from './mutants/05-node-clock.ts'
import { noPoll } from './mutants/06-no-poll.ts'
import { healthyHeartbeat } from './mutants/07-healthy-heartbeat.ts'
import { attemptNotCounted } from './mutants/08-attempt-not-counted.ts'
import { flushNotUnique } from './mutants/09-flush-not-unique.ts'
import { swallowedRowcount } from './mutants/10-swallowed-rowcount.ts'
import { dropOnShutdown } from './mutants/11-drop-on-shutdown.ts'
import { slotReleasedEarly } from './mutants/12-slot-released-early.ts'
import { laneByNotify } from './mutants/13-lane-by-notify.ts'
import { nodeIdReused } from './mutants/14-node-id-reused.ts'

/** The broken variants of the bar, in its order. */
export const mutants: readonly Mutant[] = [
  ackBeforeCommit,
  noFence,
  takesFromTheLiving,
  holesAreDead,
  nodeClock,
  noPoll,
  healthyHeartbeat,
  attemptNotCounted,
  flushNotUnique,
  swallowedRowcount,
  dropOnShutdown,
  slotReleasedEarly,
  laneByNotify,
  nodeIdReused,
]
