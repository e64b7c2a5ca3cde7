import { Fifo } from './fifo.ts'
import type { WorkItem } from './work-item.ts'

/**
 * The items of one key that are in memory, in order. One of them is active: ready to start, running, or finished and not
 * free yet. While an earlier one waits in the lane there is no active one, and all are held.
 */
export class KeyLine {
  readonly scope: string
  readonly key: string
  active: WorkItem | undefined
  /** Whether one that waits for its next attempt holds those behind it. */
  strict = true
  readonly held = new Fifo<WorkItem>()
  /** Earlier items of the key may be in the lane: look there before the next one starts. */
  checkLane: boolean
  /** Settles under way that put items of the key into the lane; until they commit nothing starts. */
  spilling = 0
  /** How often a row of the lane has ended here: what was read of the lane before that may still hold it. */
  laneEnds = 0
  /** The key was blocked as of so many looks at keys of the partition; what has happened since may have opened it. */
  blockedAsOf = -1
  /** When the last row of the lane became active: before that all behind it waited for that one, and not for their turn. */
  openSince = 0
  /** The lane is being asked for the next item. */
  asking = false

  constructor(scope: string, key: string, checkLane: boolean) {
    this.scope = scope
    this.key = key
    this.checkLane = checkLane
  }

  get isEmpty(): boolean {
    return this.active === undefined && this.held.size === 0 && this.spilling === 0 && !this.asking
  }
}
