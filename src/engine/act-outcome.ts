import { actLine, decidedRow, laneRow, type ActRows, type AppliedAct } from './act-rows.ts'
import { editEntry } from './entry.ts'
import { mergedRow, waitingRow } from './settlement-rows.ts'
import type { Outcome, WorkItem } from './work-item.ts'

/**
 * The rows that acts become which are settled with the outcome of an item in memory. What memory knows of it goes into the
 * lane, or ends.
 */

type Parked = Extract<Outcome, { kind: 'parked' }>

/** The verdict of an act, and its line in the item's log. */
export function composeApplied(
  work: WorkItem,
  { act, state }: AppliedAct,
  acts: ActRows,
  rows: { readonly logged: string[] },
): void {
  acts.decided.push(decidedRow(act, 'applied', state))
  const before = act.kind === 'edit' ? work.entry.i : undefined
  rows.logged.push(JSON.stringify(actLine(act, before)))
}

/** Puts an item into the lane, with its place in the order of its key. */
export function composeParked(
  work: WorkItem,
  { state, dueAt, input }: Parked,
  acts: ActRows,
  rows: { readonly waitingIn: string[] },
  now: number,
): void {
  // Where it is tracked already; the settle enters it where it is not.
  acts.tracked.push(JSON.stringify({ id: work.id, state, input }))
  if (work.waiting) {
    const entry = input === undefined ? undefined : editEntry(JSON.stringify(work.entry), input)
    acts.lane.push(laneRow(work.waiting, state, dueAt ?? 'none', entry))
    return
  }
  const row = JSON.parse(waitingRow(work, state, now)) as { entry: string }
  const entry = input === undefined ? row.entry : editEntry(row.entry, input)
  rows.waitingIn.push(JSON.stringify({ ...row, entry, due_ms: dueAt }))
}

/** What tracked items say of it, where it was not there. */
export function parkedTracked(work: WorkItem, { state, input }: Parked, now: number): string {
  const row = JSON.parse(mergedRow(work, state, now)) as object
  return input === undefined
    ? JSON.stringify(row)
    : `${JSON.stringify({ ...row, i: undefined }).slice(0, -1)},"i":${input}}`
}
