import type { Definition } from '../define/definition.ts'
import type { LocatedItem } from '../store/act-items.ts'
import type { OpenAct } from '../store/acts.ts'
import type { AppendRow } from '../stream/stream.ts'
import { actLine, argumentsOf, decidedRow, emptyActRows, laneRow } from './act-rows.ts'
import type { EndedEntry } from './callback-item.ts'
import { editEntry, requeueEntry, type Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Note } from './settlement-batch.ts'
import { retentionMs } from './settlement-rows.ts'
import type { LogRange } from './work-item.ts'

type BrokenItem = NonNullable<LocatedItem['broken']>
type WaitingItem = NonNullable<LocatedItem['waiting']>
/** What it takes to let a row of the lane go on. */
type LaneRow = Pick<WaitingItem, 'version' | 'definition' | 'scope' | 'key' | 'position'>

/** An item of the log that nobody has read. */
export interface LogItem {
  readonly entry: Entry
  /** When its row was written, in milliseconds. */
  readonly at: number
  readonly range: LogRange
}

/** A key whose rows in the lane have changed. */
export interface ChangedKey {
  readonly definition: string
  readonly scope: string
  readonly key: string
  readonly position: number
}

/** A key that an item blocks no more. */
export interface OpenedKey {
  readonly id: string
  readonly definition: string
  readonly key: string
  readonly by: 'requeue' | 'skip' | 'release' | 'remove'
}

export interface DecidedAct {
  readonly act: OpenAct
  readonly verdict: 'applied' | 'refused'
  readonly state: string
}

/** What one settle changes by acts on items that are not in memory, partition by partition. */
export class ActNote {
  readonly partition: OwnedPartition
  readonly decided: DecidedAct[] = []
  /** Positions that are done by it though the log has not been read so far. */
  readonly ranges: LogRange[] = []
  /** Rows of the lane that it changes: nobody else may, until it has committed. */
  readonly reserved: string[] = []
  readonly keys: ChangedKey[] = []
  /** Keys that it blocks no more. */
  readonly opened: OpenedKey[] = []
  readonly #definitions: ReadonlyMap<string, Definition>
  readonly #flush: string
  readonly #rows = emptyActRows()
  readonly #waitingIn: string[] = []
  readonly #out: { id: string; version: number }[] = []
  readonly #logged: string[] = []
  readonly #merged = new Map<string, string>()
  readonly #ended: EndedEntry[] = []
  readonly #requeued: string[] = []
  /** Characters that it carries. */
  size = 0

  /** @param flush the id of the row that requeued items go into, should there be any */
  constructor(partition: OwnedPartition, definitions: ReadonlyMap<string, Definition>, flush: string) {
    this.partition = partition
    this.#definitions = definitions
    this.#flush = flush
  }

  get isEmpty(): boolean {
    return this.decided.length === 0 && this.reserved.length === 0
  }

  /** Whether what is seen of the lane while it is on its way may be too old. */
  get changesLane(): boolean {
    return this.reserved.length > 0 || this.ranges.length > 0 || this.opened.length > 0
  }

  get requeues(): boolean {
    return this.#requeued.length > 0
  }

  refuse(act: OpenAct, state: string): void {
    this.#decide(act, 'refused', state)
  }

  applyToBroken(act: OpenAct, item: BrokenItem, stored: string): void {
    const { version } = item
    const id = act.item
    const { input } = argumentsOf(act)
    this.#decide(act, 'applied', 'broken')
    if (act.kind === 'edit' && input !== undefined) {
      this.#put(this.#rows.broken, { id, version, entry: editEntry(stored, input) })
      this.#put(this.#rows.tracked, { id, input })
      this.#log(act, inputOf(stored))
      return
    }
    if (item.blocks) this.#open(act, item)
    this.#put(this.#rows.broken, act.kind === 'release' ? { id, version, blocks: false } : { id, version })
    if (act.kind === 'release') {
      this.#log(act)
      return
    }
    if (act.kind === 'remove' || act.kind === 'skip') {
      this.#log(act)
      this.#cancelled(id, item, JSON.parse(stored) as Entry)
      return
    }
    const entry = input === undefined ? stored : editEntry(stored, input)
    const requeued = requeueEntry(entry, id, item.enqueuedAt)
    if (item.blocks) this.#waitingIn.push(this.#inItsPlace(id, item, requeued))
    else this.#requeued.push(requeued)
    this.size += requeued.length
    this.#put(this.#rows.tracked, { id, state: 'ready', reopened: true, input })
    // Where it is not tracked yet: its id does not lead to the row that it goes into.
    this.#track(id, { ...item, attempts: 0 }, JSON.parse(entry) as Entry, 'ready')
    this.#log(act, input === undefined ? undefined : inputOf(stored))
  }

  /** @param stored its entry, where the act needs it: all but `defer` and `resume` do */
  applyToLane(act: OpenAct, item: WaitingItem, stored = ''): void {
    const id = act.item
    this.#decide(act, 'applied', item.state)
    if (act.kind === 'resume') this.resume(id, item)
    else this.#reserve(id, item)
    const { input, until } = argumentsOf(act)
    if (act.kind === 'cancel') {
      this.#out.push({ id, version: item.version })
      this.#cancelled(id, item, JSON.parse(stored) as Entry)
    } else if (act.kind === 'defer') {
      this.#lane(laneRow({ id, version: item.version }, 'deferred', until ?? 'none'))
      this.#put(this.#rows.tracked, { id, state: 'deferred' })
    } else if (act.kind === 'edit' && input !== undefined) {
      const entry = editEntry(stored, input)
      this.#lane(laneRow({ id, version: item.version }, item.state, 'kept', entry))
      this.#put(this.#rows.tracked, { id, input })
    }
    this.#log(act, act.kind === 'edit' ? inputOf(stored) : undefined)
  }

  /** A deferred item goes on: in the order of its key, or at once. */
  resume(id: string, item: LaneRow): void {
    this.#reserve(id, item)
    // An earlier one of its key may run or wait: the line of the key says when it is its turn.
    const isOrdered = item.key !== undefined && item.position !== undefined
    const row = { id, version: item.version }
    this.#lane(isOrdered ? laneRow(row, 'held', 'none') : laneRow(row, 'scheduled', 'now'))
    this.#put(this.#rows.tracked, { id, state: isOrdered ? 'held' : 'scheduled' })
  }

  /** A deferred item goes on, since its time has come. */
  resumeByTime(id: string, item: LaneRow): void {
    this.resume(id, item)
    this.#put(this.#logged, { id, attempt: 0, event: 'resumed', message: 'resumed: its time has come' })
  }

  applyToLog(act: OpenAct, { entry, at, range }: LogItem, state: string): void {
    const id = act.item
    this.#decide(act, 'applied', state)
    this.ranges.push(range)
    const item = { definition: entry.d, key: entry.k, attempts: entry.a ?? 0, enqueuedAt: entry.e ?? at }
    this.#log(act)
    if (act.kind === 'cancel') {
      this.#cancelled(id, item, entry)
      return
    }
    const definition = this.#definitions.get(entry.d)
    this.#put(this.#waitingIn, {
      id,
      queue: this.partition.queue,
      partition: this.partition.partition,
      generation: this.partition.generation,
      position: range.start,
      definition: entry.d,
      scope: definition?.orderScope ?? entry.d,
      key: entry.k,
      state: 'deferred',
      moves: false,
      due_ms: argumentsOf(act).until,
      attempts: item.attempts,
      entry: JSON.stringify(entry),
      enqueued_ms: item.enqueuedAt,
    })
    if (definition?.tracking === 'all') this.#track(id, item, entry, 'deferred')
  }

  /** For the settler. */
  toNote(onSettled?: () => void, onDropped?: () => void): Note {
    const { partition, ranges } = this
    return {
      partition,
      ranges,
      holesIn: [],
      holesOut: [],
      waitingIn: this.#waitingIn,
      ended: this.#ended,
      logged: this.#logged,
      acts: this.#rows,
      moved: { out: this.#out, rows: this.#appended(), tracked: this.#merged },
      ...(onSettled ? { onSettled } : {}),
      ...(onDropped ? { onDropped } : {}),
    }
  }

  #open(act: OpenAct, { definition, scope, key = '', position }: BrokenItem): void {
    const by = act.kind as OpenedKey['by']
    this.opened.push({ id: act.item, definition, key, by })
    this.keys.push({ definition, scope, key, position })
  }

  /** A row of the lane for an item that blocked its key: before all that has waited for it. */
  #inItsPlace(id: string, item: BrokenItem, entry: string): string {
    const { definition, scope, key, generation, position, enqueuedAt } = item
    const { queue, partition } = this.partition
    return JSON.stringify({
      id,
      queue,
      partition,
      generation,
      position,
      definition,
      scope,
      key,
      entry,
      state: 'ready',
      moves: false,
      attempts: 0,
      enqueued_ms: enqueuedAt,
    })
  }

  #appended(): AppendRow[] {
    if (this.#requeued.length === 0) return []
    const { queue, partition } = this.partition
    const text = `[${this.#requeued.join(',')}]`
    const count = this.#requeued.length
    return [{ queue, partition, generation: null, flush: this.#flush, count, text }]
  }

  #decide(act: OpenAct, verdict: 'applied' | 'refused', state: string): void {
    this.decided.push({ act, verdict, state })
    this.#rows.decided.push(decidedRow(act, verdict, state))
  }

  #put(rows: string[], row: object): void {
    const text = JSON.stringify(row)
    rows.push(text)
    this.size += text.length
  }

  #lane(row: string): void {
    this.#rows.lane.push(row)
    this.size += row.length
  }

  #reserve(id: string, item: LaneRow): void {
    this.reserved.push(id)
    const { definition, scope, key, position } = item
    if (key !== undefined && position !== undefined) this.keys.push({ definition, scope, key, position })
  }

  #log(act: OpenAct, before?: unknown): void {
    this.#put(this.#logged, actLine(act, before))
  }

  /** Tracked whatever its queue keeps: what a person ended stays visible as long as anything is. */
  #cancelled(id: string, item: TrackedParts, entry: Entry): void {
    this.#track(id, item, entry, 'cancelled')
    if (entry.b === undefined) return
    const { definition, key, attempts, enqueuedAt } = item
    const { queue } = this.partition
    const known = { id, queue, definition, ...(key === undefined ? {} : { key }), attempts, enqueuedAt }
    this.#ended.push({ entry, ending: { ...known, state: 'cancelled', reason: 'operator' } })
  }

  #track(id: string, item: TrackedParts, entry: Entry, state: string): void {
    const keptMs = retentionMs(this.#definitions.get(item.definition), 'cancelled')
    const row = JSON.stringify({
      id,
      q: this.partition.queue,
      d: item.definition,
      k: item.key,
      state,
      a: item.attempts,
      e: item.enqueuedAt,
      ...(state === 'cancelled' ? { x: keptMs, reason: 'operator' } : {}),
      c: entry.c,
      i: entry.i,
    })
    this.#merged.set(id, row)
    this.size += row.length
  }
}

interface TrackedParts {
  readonly definition: string
  readonly key: string | undefined
  readonly attempts: number
  readonly enqueuedAt: number
}

function inputOf(entry: string): unknown {
  return (JSON.parse(entry) as Entry).i
}
