import { itemsPerRow } from '../base/ids.ts'
import type { AcquiredRow } from '../store/partitions.ts'
import { KeyLine } from './key-line.ts'
import { RangeSet } from './range-set.ts'
import type { WorkItem } from './work-item.ts'

/** A seq that was missing when a later one was read. */
export interface SeenHole {
  readonly seq: number
  readonly seenAt: number
  /** Judged by it; taken after the hole was seen. */
  mark: string | undefined
  /** Its `hole` row is there, or on its way: the watermark has passed it. */
  recorded: boolean
  /** A verdict is on its way through a settle. */
  settling: boolean
}

/** A partition that this node owns, with everything it knows of it. All of it is dropped when the ownership ends. */
export class OwnedPartition {
  readonly queue: number
  readonly partition: number
  readonly generation: number
  readonly epoch: number
  /** What is done and committed. */
  readonly done: RangeSet
  readonly lines = new Map<string, Map<string, KeyLine>>()
  readonly holes = new Map<number, SeenHole>()
  /** Rows of the lane that are in memory, by id. */
  readonly fromLane = new Map<string, WorkItem>()
  /** Those that have left memory since the lane's pass began: what it has read of them may be old. */
  readonly leftLane = new Set<string>()
  /** The next seq to read. */
  nextSeq: number
  /** Tracked items up to here have been met by an index pass; beyond `indexed` by one on its way. */
  indexed: number
  /** Items of it in memory. */
  loaded = 0
  /** Their characters, about. */
  loadedSize = 0
  running = 0
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
  startAfter: number | undefined
  hinted = true
  /** When it was last read, by the monotonic clock. */
  readAt = 0
  /** Nothing new starts; it is about to be given away. */
  draining = false
  /** It could not be given away in time; not tried again before this, by the monotonic clock. */
  keptUntil = 0
  /** The ownership has ended; whatever still comes of it is thrown away. */
  lost = false

  /** Reads whose items are about to be offered; until then no line may be closed that the lane holds. */
  offering = 0
  readonly #lingering = new Set<KeyLine>()

  constructor(row: AcquiredRow, lane: { keyed: boolean; startable: boolean }) {
    this.queue = row.queue
    this.partition = row.partition
    this.generation = row.generation
    this.epoch = row.epoch
    this.done = new RangeSet(row.done)
    this.nextSeq = Math.floor(this.done.watermark / itemsPerRow)
    this.indexed = row.indexedTo
    this.laneHasKeys = lane.keyed
    this.laneHasHeld = lane.startable
    this.startAfter = lane.startable ? -1 : undefined
  }

  get name(): string {
    return `${this.queue}/${this.partition}`
  }

  /** Rows go into the lane with the settle that is to come. */
  beginLanePut(kind: 'failed' | 'spilled' | 'set-aside'): void {
    this.lanePuts++
    this.lanePutsUnderWay++
    this.laneHasKeys = true
    if (kind !== 'failed') this.laneHasHeld = true
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
