import { itemsPerRow } from '../base/ids.ts'
import type { AcquiredRow } from '../store/partitions.ts'
import type { Ord } from '../store/waiting-items.ts'
import type { StreamRow } from '../stream/stream.ts'
import { KeyLine } from './key-line.ts'
import type { OpenActs } from './open-acts.ts'
import { QueueControl } from './queue-control.ts'
import { RangeSet } from './range-set.ts'
import type { Outcome, WorkItem } from './work-item.ts'

/** A seq that was missing when a later one was read. */
export interface SeenHole {
  readonly seq: number
  readonly seenAt: number
  /** Judged by it; taken after the hole was seen. */
  mark: string | undefined
  /** A verdict, or its `hole` row, is on its way through a settle. */
  settling: boolean
}

/** What is known of a partition when it is taken. */
type Start = Pick<AcquiredRow, 'queue' | 'partition' | 'generation' | 'epoch' | 'done' | 'indexedTo'> &
  Partial<Pick<AcquiredRow, 'readTo' | 'isClosed'>>

/** Before all that the lane holds. */
export const laneStart: Ord = { generation: 0, position: -1 }

/** A partition that this node owns, with everything it knows of it. All of it is dropped when the ownership ends. */
export class OwnedPartition {
  readonly queue: number
  readonly partition: number
  readonly generation: number
  readonly epoch: number
  /** What an operator has set for its queue. */
  readonly control: QueueControl
  /** What is done and committed. */
  readonly done: RangeSet
  readonly lines = new Map<string, Map<string, KeyLine>>()
  /** Those that the watermark waits for; what it has passed stands in the table `hole` alone. */
  readonly holes = new Map<number, SeenHole>()
  /** Whether that table may have some of it. */
  mayHaveHoles = true
  /** Rows of the lane that are in memory, by id. */
  readonly fromLane = new Map<string, WorkItem>()
  /** Those that have left memory, or been changed by acts, since the lane's pass began: what it has read of them may be old. */
  readonly leftLane = new Set<string>()
  /** Where its row was after the last settle: the next one finds it there, however many old versions there are. */
  place: string | undefined
  /** The next seq to take. */
  nextSeq: number
  /** Rows that were read and not taken yet. */
  readonly shelf: StreamRow[] = []
  /** Nothing at or beyond this position may start: the database says so, and whoever takes over relies on it. */
  readTo: number
  /** Tracked items up to here have been met by an index pass; beyond `indexed` by one on its way. */
  indexed: number
  /** Items of it in memory. */
  loaded = 0
  /** Their characters, about. */
  loadedSize = 0
  running = 0
  /** Of those, how many have not ended long after they were told to. */
  stuck = 0
  /** Finished items whose settle has not committed. */
  unsettled = 0
  held = 0
  /** Whether the lane may hold rows of keys, and such as only wait for their owner. */
  laneHasKeys: boolean
  laneHasHeld: boolean
  /** Rows put into the lane so far, and those of them whose settle has not committed: a look that found none may be too old. */
  lanePuts = 0
  lanePutsUnderWay = 0
  /** Delayed items on their way from the lane into the log. */
  readonly moving = new Set<string>()
  /** Ready items that may not start while the partition is about to be given away. */
  readonly parked: WorkItem[] = []
  /** After a takeover: start lane rows behind this position that nobody else starts; undefined when there are none. */
  startAfter: Ord | undefined
  /** How often that was begun anew: a pass that was under way has missed something. */
  startOvers = 0
  /** How often keys were looked at again since acts had changed them: that one was blocked before that says nothing. */
  looks = 0
  /** The log may have more than was read. */
  hinted = true
  /** When it was last read, by the monotonic clock. */
  readAt = 0
  /** When the last row that was read was written, by the database's clock; 0: none was. */
  lastRowAt = 0
  /** When an item of it ended last, by the monotonic clock; 0: none did. */
  lastEndedAt = 0
  /** Open acts: none of their items starts before they have been decided. Undefined where there are none. */
  acts: OpenActs | undefined
  /** Positions that acts settle before the log has been read so far; those whose settle is on its way. */
  ahead: Set<number> | undefined
  /** What is done of it once all acts that are on their way have settled; undefined where there are none. */
  planned: RangeSet | undefined
  /** While acts are being looked up: rows of the lane that have come into memory or left it since. */
  changedInLane: Set<string> | undefined
  /** Nothing new starts; it is about to be given away. */
  draining = false
  /** It could not be given away in time; not tried again before this, by the monotonic clock. */
  keptUntil = 0
  /** Its queue has a newer generation, which waits until this one is drained. */
  isOld = false
  /** Nothing of its lane starts any more, and what still comes goes into the lane. */
  isClosing: boolean
  /** Its lane is being moved to the next generation, or has been: no act on its items is decided here. */
  isMoving: boolean
  /** The ownership has ended; whatever still comes of it is thrown away. */
  lost = false

  /** Reads whose items are about to be offered; until then no line may be closed that the lane holds. */
  offering = 0
  readonly #lingering = new Set<KeyLine>()

  constructor(row: Start, lane: { keyed: boolean; startable: boolean }, control = new QueueControl()) {
    this.control = control
    this.queue = row.queue
    this.partition = row.partition
    this.generation = row.generation
    this.epoch = row.epoch
    this.done = new RangeSet(row.done)
    this.nextSeq = Math.floor(this.done.watermark / itemsPerRow)
    this.readTo = row.readTo ?? 0
    this.indexed = row.indexedTo
    this.laneHasKeys = lane.keyed
    this.laneHasHeld = lane.startable
    this.startAfter = lane.startable ? laneStart : undefined
    this.isClosing = this.isMoving = row.isClosed ?? false
  }

  /** Whether a row of the lane that was read a moment ago is in memory, on its way, or may be old. */
  isTaken(id: string): boolean {
    return this.fromLane.has(id) || this.leftLane.has(id) || this.moving.has(id)
  }

  /** Whether what still runs of it may end by itself. */
  get mayEnd(): boolean {
    return this.running > this.stuck
  }

  get name(): string {
    return `${this.queue}/${this.partition}`
  }

  /** Rows go into the lane with the settle that is to come. */
  beginLanePut(kind: Outcome['kind']): void {
    this.lanePuts++
    this.lanePutsUnderWay++
    this.laneHasKeys = true
    if (kind !== 'failed' && kind !== 'broken') this.laneHasHeld = true
  }

  /** The lane is gone through from the beginning, for what nobody else will start. */
  startOver(): void {
    this.startAfter = laneStart
    this.startOvers++
  }

  /** Rows of the lane have been changed by acts: what was seen of them before may be too old. */
  noteLaneChange(): void {
    this.lanePuts++
    this.laneHasKeys = true
    this.laneHasHeld = true
  }

  /** Whether there is likely more to take. */
  get hasMore(): boolean {
    return this.hinted || this.shelf.length > 0
  }

  /** Items in memory that wait for nothing but a free slot. */
  get ready(): number {
    return this.loaded - this.held - this.running - this.unsettled
  }

  lineOf(scope: string, key: string): KeyLine | undefined {
    return this.lines.get(scope)?.get(key)
  }

  openLine(scope: string, key: string, checkLane: boolean): KeyLine {
    let lines = this.lines.get(scope)
    if (!lines) this.lines.set(scope, (lines = new Map()))
    const line = new KeyLine(scope, key, checkLane)
    lines.set(key, line)
    return line
  }

  /** Closes a line that only the lane holds: who comes next is told by the lane, and there is nothing to remember. */
  releaseLine(line: KeyLine): void {
    if (!line.isEmpty) return
    if (this.offering > 0) this.#lingering.add(line)
    else this.closeLine(line)
  }

  closeLingering(): void {
    if (this.offering > 0 || this.#lingering.size === 0) return
    for (const line of this.#lingering) if (line.isEmpty) this.closeLine(line)
    this.#lingering.clear()
  }

  closeLine(line: KeyLine): void {
    const lines = this.lines.get(line.scope)
    if (lines?.get(line.key) === line) lines.delete(line.key)
  }
}
