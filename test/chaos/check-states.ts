import type { ItemName } from './history.ts'

/** What somebody who looked an accepted item up was told, and when. */
export interface StateSample extends ItemName {
  readonly at: number
  /** Undefined: there is no such item. */
  readonly state: string | undefined
}

/** Items by state, all that there are, in one snapshot; `untracked` are those that only the log or a lane holds. */
export interface CountSample {
  readonly at: number
  /** So many were known to be durable before it was counted. */
  readonly fewest: number
  /** So many had been handed over when it had been counted, and not been refused. */
  readonly most: number
  readonly byState: ByState
}

export type ByState = Readonly<Record<string, number>>

export interface StateInput {
  /** In the order of time. */
  readonly samples: readonly StateSample[]
  /** In the order of time; the last one when all was over. */
  readonly counts: readonly CountSample[]
  /** What the database says of the accepted items at the end, each looked up by its id; `untracked` where it says nothing. */
  readonly accepted: ByState
  /** Accepted items of which it holds something, in any table. */
  readonly isThere: number
}

export interface StateViolation {
  readonly kind: 'revived' | 'vanished' | 'unconserved'
  readonly text: string
}

/** What checking has found, and how much there was to find. */
export interface StateVerdict {
  readonly violations: readonly StateViolation[]
  /** How often an item was looked at that had been seen at its end before. */
  readonly looksAfterEnd: number
}

export const finalStates: ReadonlySet<string> = new Set(['succeeded', 'broken', 'cancelled'])

/**
 * What has ended stays as it ended, what was accepted can be found at any time, and no item is counted twice or not at all:
 * whenever it is counted, accepted = succeeded + broken + cancelled + what is open, and what has ended becomes no less.
 */
export function checkStates(input: StateInput): StateVerdict {
  const { samples, counts } = input
  const violations: StateViolation[] = []
  const ended = new Map<string, string>()
  let looksAfterEnd = 0
  for (const { key, n, state } of samples) {
    const name = `${key}#${n}`
    const before = ended.get(name)
    if (before !== undefined) looksAfterEnd++
    if (state === undefined)
      violations.push({ kind: 'vanished', text: `${name} was accepted and could not be found` })
    else if (before !== undefined && before !== state)
      violations.push({ kind: 'revived', text: `${name} was ${before}, and then ${state}` })
    if (state !== undefined && finalStates.has(state)) ended.set(name, state)
  }
  const highest = new Map<string, number>()
  for (const count of counts) {
    violations.push(...bounds(count))
    for (const state of finalStates) {
      const now = count.byState[state] ?? 0
      const before = highest.get(state) ?? 0
      if (now < before)
        violations.push({ kind: 'revived', text: `${before} items were ${state}, and then only ${now}` })
      highest.set(state, Math.max(before, now))
    }
  }
  return { violations: [...violations, ...atTheEnd(input)], looksAfterEnd }
}

/** All that was accepted is there, and nothing that nobody handed over. */
function* bounds({ byState, fewest, most }: CountSample): Generator<StateViolation> {
  const counted = sum(byState)
  const told = Object.entries(byState)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')
  if (counted < fewest)
    yield { kind: 'unconserved', text: `${fewest} items were accepted, ${counted} are there: ${told}` }
  if (counted > most)
    yield { kind: 'unconserved', text: `${most} items were handed over, ${counted} are there: ${told}` }
}

/** What is counted has what the accepted items are, looked up one by one before. */
function* atTheEnd({ accepted, isThere, counts }: StateInput): Generator<StateViolation> {
  const items = sum(accepted)
  if (isThere !== items)
    yield { kind: 'unconserved', text: `${items} items were accepted, of ${isThere} there is something` }
  const end = counts.at(-1)
  if (!end) return
  for (const state of finalStates) {
    const [here, there] = [accepted[state] ?? 0, end.byState[state] ?? 0]
    // What is open may end between the two.
    if (there < here)
      yield { kind: 'unconserved', text: `${here} accepted items are ${state}, and ${there} are counted` }
  }
}

function sum(byState: ByState): number {
  return Object.values(byState).reduce((total, count) => total + count, 0)
}
