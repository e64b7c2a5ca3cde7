import type { ItemName } from './history.ts'

/** What somebody who looked an accepted item up was told, and when. */
export interface StateSample extends ItemName {
  readonly at: number
  /** Undefined: there is no such item. */
  readonly state: string | undefined
}

export interface StateInput {
  /** In the order of time. */
  readonly samples: readonly StateSample[]
  /** How many items were accepted, and how many the database has in each state at the end. */
  readonly accepted: number
  readonly byState: Readonly<Record<string, number>>
  /** Nothing may be left open at the end. */
  readonly isOver: boolean
}

export interface StateViolation {
  readonly kind: 'revived' | 'vanished' | 'unconserved'
  readonly text: string
}

const finalStates = new Set(['succeeded', 'broken', 'cancelled'])

/**
 * What has ended stays as it ended, what was accepted can be found at any time, and no item is counted twice or not at all:
 * accepted = succeeded + broken + cancelled + what is open.
 */
export function checkStates({ samples, accepted, byState, isOver }: StateInput): StateViolation[] {
  const violations: StateViolation[] = []
  const ended = new Map<string, string>()
  for (const { key, n, state } of samples) {
    const name = `${key}#${n}`
    const before = ended.get(name)
    if (state === undefined)
      violations.push({ kind: 'vanished', text: `${name} was accepted and could not be found` })
    else if (before !== undefined && before !== state)
      violations.push({ kind: 'revived', text: `${name} was ${before}, and then ${state}` })
    if (state !== undefined && finalStates.has(state)) ended.set(name, state)
  }
  const counted = Object.values(byState).reduce((sum, count) => sum + count, 0)
  if (counted !== accepted)
    violations.push({ kind: 'unconserved', text: `${accepted} items were accepted, ${counted} are there` })
  const open = Object.entries(byState).filter(([state, count]) => !finalStates.has(state) && count > 0)
  if (isOver && open.length > 0)
    violations.push({
      kind: 'unconserved',
      text: `at the end ${open.map(([state, count]) => `${count} are ${state}`).join(', ')}`,
    })
  return violations
}
