import type { Fence, Settlement } from '../store/settlement.ts'
import { appendArguments } from '../stream/postgres-stream.ts'
import type { AppendRow } from '../stream/stream.ts'
import { composeApplied, composeParked, parkedTracked } from './act-outcome.ts'
import { actArguments, emptyActRows, type ActRows } from './act-rows.ts'
import { endingOf, type EndedEntry } from './callback-item.ts'
import { isHeavy } from './gathered.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { RangeSet } from './range-set.ts'
import { brokenRow, logRows, mergedRow, TrackedGroups, waitingChange, waitingRow } from './settlement-rows.ts'
import type { LogRange, WorkItem } from './work-item.ts'

/** What a settle carries beside finished items: progress without an item, and holes. */
export interface Note {
  readonly partition: OwnedPartition
  readonly ranges: readonly LogRange[]
  /** Holes to record, with their marks; their positions count as done. */
  readonly holesIn: readonly { readonly seq: number; readonly mark: string }[]
  readonly holesOut: readonly number[]
  /** Rows for the lane: the items of a hole that was filled late. */
  readonly waitingIn?: readonly string[]
  /** Items that end by it and have a callback. */
  readonly ended?: readonly EndedEntry[]
  /** Rows for item logs. */
  readonly logged?: readonly string[]
  /** An item that was running and waits again: what the same batch would say of it before is not so any more. */
  readonly givenBack?: string
  /** Acts that it decides, and what they change. */
  readonly acts?: ActRows
  /** Tracked rows of an index pass, and up to where it went. */
  readonly indexed?: { readonly rows: ReadonlyMap<string, string>; readonly to: number }
  /** Delayed items that are due: their lane rows, and the log rows that they move into. */
  readonly moved?: {
    readonly out: readonly { readonly id: string; readonly version: number }[]
    readonly rows: readonly AppendRow[]
    readonly tracked: ReadonlyMap<string, string>
  }
  /** Told once it has committed. */
  readonly onSettled?: () => void
  /** Told when it was thrown away. */
  readonly onDropped?: () => void
}

/** Makes one settlement of finished items and notes. */
export class SettlementBatch {
  readonly items: readonly WorkItem[]
  readonly notes: readonly Note[]

  constructor(items: readonly WorkItem[], notes: readonly Note[]) {
    this.items = items
    this.notes = notes
  }

  get size(): number {
    return this.items.length + this.notes.length
  }

  partitions(): OwnedPartition[] {
    const all = new Set<OwnedPartition>()
    for (const work of this.items) all.add(work.partition)
    for (const note of this.notes) all.add(note.partition)
    return [...all].toSorted((a, b) => a.queue - b.queue || a.partition - b.partition)
  }

  /** Where the rows of its partitions are now that it has committed. */
  note(places: readonly string[]): void {
    for (const [at, partition] of this.partitions().entries()) partition.place = places[at]
  }

  /** Leaves out what belongs to partitions that are lost. */
  withoutLost(): SettlementBatch {
    if (!this.partitions().some((partition) => partition.lost)) return this
    return new SettlementBatch(
      this.items.filter((work) => !work.partition.lost),
      this.notes.filter((note) => !note.partition.lost),
    )
  }

  /** In two halves, to find the one that cannot be stored; items keep their order. */
  halves(): [SettlementBatch, SettlementBatch] {
    if (this.notes.length > 0 && this.items.length > 0)
      return [new SettlementBatch([], this.notes), new SettlementBatch(this.items, [])]
    const list = this.items.length > 0 ? this.items : this.notes
    const middle = list.length >> 1
    return this.items.length > 0
      ? [
          new SettlementBatch(this.items.slice(0, middle), []),
          new SettlementBatch(this.items.slice(middle), []),
        ]
      : [
          new SettlementBatch([], this.notes.slice(0, middle)),
          new SettlementBatch([], this.notes.slice(middle)),
        ]
  }

  /** For what takes too long in one: those that carry much come apart, else the halves. */
  divided(): [SettlementBatch, SettlementBatch] {
    const heavy = this.items.filter(isHeavy)
    if (this.notes.length > 0 || heavy.length === 0 || heavy.length === this.items.length)
      return this.halves()
    // Nothing of their keys that came after them has started.
    const rest = this.items.filter((work) => !isHeavy(work))
    return [new SettlementBatch(rest, []), new SettlementBatch(heavy, [])]
  }

  /** What is done with this batch, per partition. */
  ranges(): Map<OwnedPartition, RangeSet> {
    const done = new Map<OwnedPartition, RangeSet>()
    const of = (partition: OwnedPartition): RangeSet => {
      let set = done.get(partition)
      if (!set) done.set(partition, (set = new RangeSet()))
      return set
    }
    let last: OwnedPartition | undefined
    let lastSet: RangeSet | undefined
    for (const work of this.items) {
      if (work.partition !== last) lastSet = of((last = work.partition))
      if (work.end > 0) lastSet?.add(work.position, work.end)
    }
    for (const note of this.notes)
      for (const range of note.ranges) of(note.partition).add(range.start, range.end)
    return done
  }

  /** Where the callbacks of its items went, once it is composed. */
  callbackPlaces: readonly Pick<AppendRow, 'queue' | 'partition' | 'count'>[] = []

  /**
   * @param merge every tracked row is merged, none plainly inserted: where a plain one has met a row that was there
   * @param toCallbacks makes log rows of the items that end and have a callback
   */
  compose(
    now: number,
    merge: boolean,
    toCallbacks: (ended: readonly EndedEntry[]) => AppendRow[],
  ): Settlement {
    const rows = composeItems(this.items, now, merge)
    for (const note of this.notes) composeNote(note, rows)
    if (rows.ended.length > 0) {
      const callbacks = toCallbacks(rows.ended)
      this.callbackPlaces = callbacks
      rows.appended.push(...callbacks)
    }
    const ranges = this.ranges()
    return {
      fences: this.partitions().map((partition) => toFence(partition, ranges.get(partition), this.notes)),
      tracked: rows.tracked.arguments(),
      merged: toList([...rows.merged.values()]),
      logged: toList(rows.logged),
      waitingIn: toList(rows.waitingIn),
      waitingChanged: toList(rows.waitingChanged),
      waitingOut: toList(rows.waitingOut),
      brokenIn: toList(rows.brokenIn),
      holesIn: toList(rows.holesIn),
      holesOut: toList(rows.holesOut),
      appended: rows.appended.length === 0 ? null : appendArguments(rows.appended),
      acts: rows.acts && actArguments(rows.acts),
    }
  }
}

export interface Rows {
  readonly tracked: TrackedGroups
  /** By id: what an item's own outcome says comes before what an index pass saw. */
  readonly merged: Map<string, string>
  readonly logged: string[]
  readonly waitingIn: string[]
  readonly waitingChanged: string[]
  readonly waitingOut: string[]
  readonly brokenIn: string[]
  readonly holesIn: string[]
  readonly holesOut: string[]
  readonly appended: AppendRow[]
  readonly ended: EndedEntry[]
  acts: ActRows | null
}

function composeItems(items: readonly WorkItem[], now: number, merge: boolean): Rows {
  const rows: Rows = {
    tracked: new TrackedGroups(),
    merged: new Map(),
    logged: [],
    waitingIn: [],
    waitingChanged: [],
    waitingOut: [],
    brokenIn: [],
    holesIn: [],
    holesOut: [],
    appended: [],
    ended: [],
    acts: null,
  }
  for (const work of items) {
    const definition = work.processor?.definition
    const { outcome, attempt } = work
    if (work.entry.b !== undefined) {
      const ended = endingOf(work, now)
      if (ended) rows.ended.push(ended)
    }
    const tracks = definition?.tracking === 'all' || work.entry.id !== undefined
    if (outcome?.kind === 'succeeded' && !work.waiting && !attempt?.lines && !attempt?.gathered) {
      if (!tracks || !definition) continue
      // Nothing can be there yet for a first run beyond the index; else what is there is merged.
      const isPlain =
        isFirst(work) && !merge && outcome.reply === undefined && attempt?.progressText === undefined
      if (!isPlain || !rows.tracked.add(work, definition, outcome.result, now))
        rows.merged.set(work.id, mergedRow(work, 'succeeded', now))
      continue
    }
    composeSlow(work, tracks, rows, now)
  }
  return rows
}

function isFirst(work: WorkItem): boolean {
  return (
    work.end > 0 &&
    work.entry.id === undefined &&
    work.position >= work.partition.indexed &&
    !work.wasPublished
  )
}

function composeSlow(work: WorkItem, tracks: boolean, rows: Rows, now: number): void {
  const { outcome, waiting, attempt } = work
  if (!outcome) return
  const track = (state: string): void => {
    if (tracks) rows.merged.set(work.id, mergedRow(work, state, now))
  }
  rows.logged.push(...logRows(work, now))
  if (attempt?.gathered && outcome.kind === 'succeeded') {
    const { moved, rows: gathered } = attempt.gathered
    rows.appended.push(...(moved?.rows ?? gathered).rows())
    for (const [id, row] of moved?.tracked ?? []) rows.merged.set(id, row)
    rows.waitingIn.push(...attempt.gathered.delayed)
  }
  if ('applied' in outcome && outcome.applied) {
    composeApplied(work, outcome.applied, (rows.acts ??= emptyActRows()), rows)
  }
  switch (outcome.kind) {
    case 'succeeded':
    case 'cancelled':
      if (waiting) rows.waitingOut.push(JSON.stringify(waiting))
      if (outcome.kind === 'cancelled' && outcome.applied)
        // Whatever its queue keeps: what a person ended stays visible as long as anything is.
        rows.merged.set(work.id, mergedRow(work, 'cancelled', now))
      else track(outcome.kind)
      break
    case 'parked':
      composeParked(work, outcome, (rows.acts ??= emptyActRows()), rows, now)
      if (tracks) rows.merged.set(work.id, parkedTracked(work, outcome, now))
      break
    case 'failed':
      if (waiting) rows.waitingChanged.push(waitingChange(work, now))
      else rows.waitingIn.push(waitingRow(work, 'scheduled', now))
      track('scheduled')
      break
    case 'broken':
      if (waiting) rows.waitingOut.push(JSON.stringify(waiting))
      rows.brokenIn.push(brokenRow(work, now))
      track('broken')
      break
    case 'spilled':
      rows.waitingIn.push(waitingRow(work, 'held', now))
      track('held')
      break
    case 'set-aside':
      if (!waiting) rows.waitingIn.push(waitingRow(work, 'ready', now))
      break
  }
}

function composeNote(note: Note, rows: Rows): void {
  const { queue, partition } = note.partition
  for (const hole of note.holesIn)
    rows.holesIn.push(JSON.stringify({ queue, partition, seq: hole.seq, xid: hole.mark }))
  for (const seq of note.holesOut) rows.holesOut.push(JSON.stringify({ queue, partition, seq }))
  if (note.ended) rows.ended.push(...note.ended)
  if (note.logged) rows.logged.push(...note.logged)
  if (note.waitingIn) rows.waitingIn.push(...note.waitingIn)
  if (note.acts) {
    const acts = (rows.acts ??= emptyActRows())
    acts.decided.push(...note.acts.decided)
    acts.lane.push(...note.acts.lane)
    acts.broken.push(...note.acts.broken)
    acts.tracked.push(...note.acts.tracked)
  }
  // Merged after the acts' part; an outcome of its own that it has by now stays.
  if (note.givenBack !== undefined && saysRunning(rows.merged.get(note.givenBack)))
    rows.merged.delete(note.givenBack)
  for (const [id, row] of note.indexed?.rows ?? []) if (!rows.merged.has(id)) rows.merged.set(id, row)
  if (note.moved) {
    for (const row of note.moved.out) rows.waitingOut.push(JSON.stringify(row))
    rows.appended.push(...note.moved.rows)
    for (const [id, row] of note.moved.tracked) rows.merged.set(id, row)
  }
}

function saysRunning(row: string | undefined): boolean {
  return row !== undefined && (JSON.parse(row) as { readonly state: string }).state === 'running'
}

function toFence(partition: OwnedPartition, ranges: RangeSet | undefined, notes: readonly Note[]): Fence {
  let indexedTo = 0
  for (const note of notes)
    if (note.partition === partition && note.indexed) indexedTo = Math.max(indexedTo, note.indexed.to)
  return {
    queue: partition.queue,
    partition: partition.partition,
    epoch: partition.epoch,
    done: ranges?.toString() ?? '{}',
    indexedTo,
    place: partition.place,
  }
}

function toList(rows: readonly string[]): string | null {
  return rows.length === 0 ? null : `[${rows.join(',')}]`
}
