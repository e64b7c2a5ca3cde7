import { createRowId, itemsPerRow, parseItemId } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import type { OpenAct } from '../store/acts.ts'
import { decideAct, kindOf, type ActStanding } from './act-decision.ts'
import { needsEntry, type LookedUp } from './act-look-up.ts'
import { ActNote } from './act-note.ts'
import { argumentsOf } from './act-rows.ts'
import type { PendingAct } from './open-acts.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { RangeSet } from './range-set.ts'
import type { LogRange, Outcome, WorkItem } from './work-item.ts'

/** Gaps in what is done of a partition beyond which no act adds another: each makes every settle dearer. */
export const maxActGaps = 200

/** An item in memory. `starting`: it has its slot and has not begun; whatever is asked of it waits until then. */
export interface FoundWork {
  readonly work: WorkItem
  readonly place: 'ready' | 'held' | 'running' | 'starting'
}

export interface ActSight extends LookedUp {
  readonly partition: OwnedPartition
  readonly memory: ReadonlyMap<string, FoundWork>
  /** Ids of rows of the lane that came into memory or left it since it was looked at. */
  readonly changed: ReadonlySet<string>
  readonly definitions: ReadonlyMap<string, Definition>
  readonly now: number
  /** Characters that may be carried; what begins within it is. */
  readonly room: number
}

/** What is to be done about the acts of one partition. */
export interface ActPlan {
  readonly note: ActNote
  /** Items in memory that end by an act before they ran. */
  readonly withdrawn: Map<WorkItem, Outcome>
  /** Running ones that are to be told to stop. */
  readonly told: Map<WorkItem, OpenAct>
  /** Those that wait until the log has been read so far. */
  readonly waits: Map<OpenAct, NonNullable<PendingAct['waitsFor']>>
  /** What would be done of the partition. */
  readonly done: RangeSet
  room: number
}

/** Decides acts on items of one partition, each by how its item stands in this moment. Waits for nothing, changes nothing. */
export function planActs(acts: readonly OpenAct[], sight: ActSight): ActPlan {
  const flush = createRowId(sight.partition.queue, sight.partition.partition, sight.now)
  const note = new ActNote(sight.partition, sight.definitions, flush)
  const done = plannedOf(sight.partition)
  const { room } = sight
  const plan: ActPlan = { note, withdrawn: new Map(), told: new Map(), waits: new Map(), done, room }
  for (const act of acts) planAct(act, sight, plan)
  return plan
}

/** What will be done of a partition once all acts that are on their way have settled: many are decided before the first has. */
export function plannedOf({ done, planned }: OwnedPartition): RangeSet {
  const all = new RangeSet()
  done.each((start, end) => all.add(start, end))
  planned?.each((start, end) => all.add(start, end))
  return all
}

function planAct(act: OpenAct, sight: ActSight, plan: ActPlan): void {
  const found = sight.memory.get(act.item)
  const standing = standingOf(act.item, found, sight)
  const blocks = sight.located.get(act.item)?.broken?.blocks === true
  const decision = decideAct(kindOf(act), standing, blocks)
  if (decision === 'wait') return
  if (decision === 'tell') {
    if (found) plan.told.set(found.work, act)
    return
  }
  // About to be given away: the next owner decides.
  if (sight.partition.draining || sight.partition.isMoving) return
  if (decision === 'refuse') {
    plan.note.refuse(act, standing)
    return
  }
  // It comes with a later settle.
  if (plan.room <= 0) return
  if (found) {
    withdraw(act, found, plan)
    return
  }
  const { size } = plan.note
  applyToRow(act, standing, sight, plan)
  plan.room -= plan.note.size - size
}

/** How the item stands, by memory first: it knows more than what was read a moment ago. */
export function standingOf(id: string, found: FoundWork | undefined, sight: ActSight): ActStanding {
  if (found) return found.place === 'starting' ? 'unsettled' : found.place
  const { partition, changed } = sight
  if (partition.fromLane.has(id) || partition.moving.has(id) || changed.has(id)) return 'unsettled'
  const row = sight.located.get(id)
  if (row?.broken) return 'broken'
  if (row?.waiting) return row.waiting.state
  const { tracked, log } = row ?? {}
  if (tracked?.ended) return tracked.state === 'broken' ? 'unsettled' : (tracked.state as ActStanding)
  if (log?.isHole) return 'unsettled'
  if (log && !log.done) {
    const position = log.seq * itemsPerRow + parseItemId(id).index
    // Read already: it is in memory, or on its way there or out of it.
    const isRead = position < partition.nextSeq * itemsPerRow
    if (isRead || partition.done.has(position) || partition.ahead?.has(position)) return 'unsettled'
    if (!sight.logItems.has(id)) return 'unsettled'
    return sight.logItems.get(id) ? 'ready' : 'missing'
  }
  // Moved into the log once: its id does not lead there, so it is met when it is about to start.
  return tracked ? 'unsettled' : 'missing'
}

function withdraw(act: OpenAct, { work, place }: FoundWork, plan: ActPlan): void {
  if (work.end > 0 && !hasRoomFor({ start: work.position, end: work.end }, plan.done)) return
  plan.withdrawn.set(work, outcomeOf(act, work, place))
  plan.room -= work.size
}

/** The outcome that an act gives to an item that waits in memory, `ready` or `held`. */
export function outcomeOf(act: OpenAct, work: WorkItem, state: string): Outcome {
  const applied = { act, state }
  if (act.kind === 'cancel') return { kind: 'cancelled', reason: 'operator', applied }
  const { until, input } = argumentsOf(act)
  if (act.kind === 'defer')
    return { kind: 'parked', state: 'deferred', applied, dueAt: until, input: undefined }
  return {
    kind: 'parked',
    state: 'held',
    applied,
    dueAt: undefined,
    input: input ?? JSON.stringify(work.entry.i),
  }
}

function applyToRow(
  act: OpenAct,
  standing: ActStanding,
  sight: ActSight,
  { note, done, waits }: ActPlan,
): void {
  const { broken, waiting } = sight.located.get(act.item) ?? {}
  const row = broken ?? waiting
  if (row) {
    const entry = sight.entries.get(act.item)
    const isSame = entry?.version === row.version && entry.lane === (broken ? 'broken' : 'waiting')
    // Not read this time, or changed since it was looked at.
    if (needsEntry(act) && !isSame) return
    if (broken) note.applyToBroken(act, broken, entry?.text ?? '')
    else if (waiting) note.applyToLane(act, waiting, entry?.text)
    return
  }
  const item = sight.logItems.get(act.item)
  if (!item) return
  const seq = Math.floor(item.range.start / itemsPerRow)
  // What comes behind it in its key would not see it in the lane in time: it is met when it has been read.
  if (act.kind === 'defer' && item.entry.k !== undefined) waits.set(act, { seq, forRoom: false })
  else if (hasRoomFor(item.range, done)) note.applyToLog(act, item, standing)
  else waits.set(act, { seq, forRoom: true })
}

/** Whether a position can be counted as done without a gap too many; its item may be the last one of its row. */
export function mayFit(position: number, done: RangeSet): boolean {
  const nextRow = (Math.floor(position / itemsPerRow) + 1) * itemsPerRow
  return done.size < maxActGaps || [position - 1, position + 1, nextRow].some((other) => done.has(other))
}

/** Counts the range as done, if that adds no gap beyond the bound. */
function hasRoomFor({ start, end }: LogRange, done: RangeSet): boolean {
  const adds = !done.has(start) && !done.has(start - 1) && !done.has(end)
  if (adds && done.size >= maxActGaps) return false
  done.add(start, end)
  return true
}
