import type { FailureRecord } from '../define/failure.ts'

/**
 * The decisions about items that take their node down (rule 7), without a database: what may start, who is charged, what is
 * broken, and when all is well again.
 */

/** Crashes charged to an item after which it is broken. */
export const crashLimit = 3

/** How a partition's items are started: as they come, written down before they start, or also those that are suspected alone. */
export type CrashMode = 'normal' | 'marking' | 'careful'

export function modeOf(state: { readonly isUnclean: boolean; readonly suspects: number }): CrashMode {
  if (state.suspects > 0) return 'careful'
  return state.isUnclean ? 'marking' : 'normal'
}

/** An item that a dead node had written down, and that has not ended. */
export interface Unended {
  /** Its place in the line of those that were to run alone. */
  readonly turn?: number
}

/**
 * What a death is charged to, given what its node had written down and not ended: the only one there is, or the first of a line
 * of which one ran at a time. Of several beside each other nobody knows which it was: they are suspected, and nothing more.
 */
export function culpritOf<Item extends Unended>(unended: readonly Item[]): Item | undefined {
  const [only, ...more] = unended
  if (more.length === 0) return only
  if (unended.some(({ turn }) => turn === undefined)) return undefined
  return unended.reduce((first, item) => (Number(item.turn) < Number(first.turn) ? item : first))
}

/** What happens to an item that is next to start on a node that marks. */
export function treatmentOf(crashes: number | undefined): 'start' | 'start-alone' | 'break' {
  if (crashes === undefined) return 'start'
  return crashes >= crashLimit ? 'break' : 'start-alone'
}

export interface NodeAtWork {
  /** Whether an item that was to run alone still runs, or has not settled. */
  readonly hasLoner: boolean
  /** Items that wait to run alone. */
  readonly suspects: number
  /** Items that run on the node, of any partition, without those whose handler has not ended long after it was told to. */
  readonly running: number
  /** Items that have ended and are not settled: until then what they left behind may still end the node. */
  readonly unsettled: number
}

/**
 * What a node that marks may start. A suspect runs with nothing beside it, or its crash might be charged to somebody else's
 * account, or nobody's.
 */
export function mayStart(node: NodeAtWork): 'nothing' | 'all' | 'a-suspect' {
  if (node.hasLoner) return 'nothing'
  if (node.suspects === 0) return 'all'
  return node.running + node.unsettled === 0 ? 'a-suspect' : 'nothing'
}

/** Whether an item is suspected no more, now that its run alone has ended. What failed and waits for its next attempt keeps its charges. */
export function isCleared(outcome: string | undefined, crashes: number): boolean {
  if (outcome === undefined) return false
  return outcome !== 'failed' || crashes === 0
}

/** A partition marks no longer than this without another death. */
const longestMarkingMs = 30 * 60_000

export interface Suspicion {
  readonly suspects: number
  readonly watermark: number
  /** What the dead owner may have been running stands before it. */
  readonly suspectTo: number
  /** Since this node has the partition. */
  readonly sinceMs: number
}

/** Whether all that the dead owner may have been running in the log has ended; `later` where the lane has to be asked too. */
export function isOver(state: Suspicion): 'yes' | 'no' | 'ask-lane' {
  if (state.suspects > 0) return 'no'
  if (state.sinceMs >= longestMarkingMs) return 'yes'
  return state.watermark >= state.suspectTo ? 'ask-lane' : 'no'
}

export function crashFailure(crashes: number): FailureRecord {
  return {
    code: 'CRASHES_NODE',
    message: `${crashes} times the node died, or hung, while this item was all that it ran`,
  }
}
