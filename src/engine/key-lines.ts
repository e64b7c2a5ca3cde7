import { itemsPerRow } from '../base/ids.ts'
import type { ChangedKey } from './act-note.ts'
import type { KeyLine } from './key-line.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { blocksKey, type Outcome, type WorkItem } from './work-item.ts'

/** Reads from the lane for a key. */
export interface LaneReader {
  /** The first rows of a key in the lane, in order. They are not in memory before `onTaken` is told. */
  next(partition: OwnedPartition, line: KeyLine): Promise<LaneHead>
}

export interface LaneHead {
  /** Rows that may run, up to the first that waits for a time or a person. */
  readonly items: readonly WorkItem[]
  /** The first row, where it waits. */
  readonly blocked: WorkItem | undefined
  /** Behind `blocked` comes a row that supersedes it. */
  readonly isSuperseded?: boolean
  /** There may be more behind them. */
  readonly more: boolean
  /** Behind `items` comes a row that is being changed; whoever changes it will have the key looked at again. */
  readonly isChanging?: boolean
  /** A broken item of the key waits for a person: nothing of it may start. Then there are no rows. */
  readonly isBlocked?: boolean
  /** The queue is paused: it was not looked, and is when the queue goes on. */
  readonly isPaused?: boolean
}

export interface KeyLinesParts {
  readonly lane: LaneReader
  readonly onReady: (work: WorkItem) => void
  /** A row of the lane is in memory from now on. */
  readonly onTaken: (work: WorkItem) => void
  /** A row of the lane that was in memory is not any more; the lane keeps it. */
  readonly onLeft: (work: WorkItem) => void
  readonly onEnded: (work: WorkItem, outcome: Outcome) => void
  readonly onProblem: (error: unknown) => void
  readonly pump: () => void
}

/** The order of items of one key: at most one is active, the others are held behind it. */
export class KeyLines {
  readonly #parts: KeyLinesParts

  constructor(parts: KeyLinesParts) {
    this.#parts = parts
  }

  /**
   * Lets an item into the line of its key.
   * @param laneHead the position of the key's first row in the lane, where there is one
   * @param blockedAsOf where the key is blocked: `looks` of the partition before that was read
   */
  enter(work: WorkItem, laneHead?: number, blockedAsOf?: number): void {
    const { partition } = work
    const key = work.entry.k as string
    const scope = work.scope
    const strict = work.processor?.definition.order !== 'relaxed'
    let line = partition.lineOf(scope, key)
    if (!line) {
      // After a row of the lane others of its key may follow there.
      line = partition.openLine(
        scope,
        key,
        blockedAsOf !== undefined ||
          (work.waiting ? partition.laneHasHeld : laneHead !== undefined && strict),
      )
      line.strict = strict
      work.line = line
      if (blockedAsOf !== undefined) {
        line.blockedAsOf = blockedAsOf
        this.#hold(line, work)
        this.#startNext(partition, line)
        return
      }
      // Behind rows of the lane it is held; before them (a takeover has it again) it goes first.
      if (laneHead !== undefined && strict && laneHead < work.position && !work.waiting) {
        this.#hold(line, work)
        this.#startNext(partition, line)
        return
      }
      this.#activate(line, work)
      return
    }
    work.line = line
    // A row of the lane whose time has come stands before all that is held in memory.
    if (work.waiting && !line.active && line.blockedAsOf !== partition.looks) {
      this.#activate(line, work)
      return
    }
    if (supersedes(work) && !work.waiting) this.#supersede(partition, line)
    if (!line.active && this.#mayStart(line)) {
      this.#activate(line, work)
      return
    }
    if (work.waiting && strict) {
      // Something earlier of its key runs; the lane keeps it until that has ended.
      this.#parts.onLeft(work)
      line.checkLane = true
      return
    }
    this.#hold(line, work)
    if (!line.active) this.#startNext(partition, line)
  }

  /** The active item has ended well: the next one may start. */
  advance(work: WorkItem): void {
    const { line, partition } = work
    if (!line || line.active !== work) return
    // Its row lies in the lane until its settle has committed: whoever looks there before that meets it again.
    if (work.waiting && !line.held.peek()?.waiting) return
    line.active = undefined
    this.#startNext(partition, line)
  }

  /** The settle of an item has committed that its key waited for. */
  settled(work: WorkItem, outcome: Outcome): void {
    const { line, partition } = work
    if (!line || partition.lost) return
    if (outcome.kind === 'spilled' || outcome.kind === 'parked') {
      line.spilling--
      line.checkLane = true
    }
    if (work.waiting) line.laneEnds++
    if (line.active === work) line.active = undefined
    // Asked whether it is still blocked: a person may have been as quick as this was told.
    if (blocksKey(work)) {
      line.checkLane = true
      this.#giveBack(line)
    }
    if (outcome.kind === 'failed' && work.processor?.definition.order !== 'relaxed') {
      // Its row in the lane holds the key until its next attempt, also those behind it that were read from there.
      line.checkLane = true
      this.#giveBack(line)
      // What came while it ran supersedes it now.
      if (supersedes(work) && (line.held.size > 0 || partition.laneHasHeld)) this.#startNext(partition, line)
      partition.releaseLine(line)
      return
    }
    this.#startNext(partition, line)
    this.#parts.pump()
  }

  /** Moves held items to the lane, the longest lines first, until `count` have gone. */
  spill(partition: OwnedPartition, count: number): void {
    const lines = [...partition.lines.values()].flatMap((byKey) => [...byKey.values()])
    lines.sort((a, b) => b.held.size - a.held.size)
    let left = count
    for (const line of lines) {
      if (left <= 0 || line.held.size === 0) return
      // The whole line, so that what the lane has of a key always comes before what memory has.
      left -= line.held.size
      this.#spillLine(line)
    }
  }

  /** Takes held items out of the lines of their keys: they have ended by an act before it was their turn. */
  withdraw(ended: ReadonlySet<WorkItem>): void {
    const lines = new Set<KeyLine>()
    for (const work of ended) if (work.line && work.line.active !== work) lines.add(work.line)
    for (const line of lines)
      for (const work of line.held.drain()) {
        if (ended.has(work)) work.partition.held--
        else line.held.push(work)
      }
  }

  /**
   * Rows of a key have changed in the lane: whoever is first now goes on.
   * @returns false where nothing of the key is in memory, and the log has not been read past the row: then it is no time yet
   */
  look(partition: OwnedPartition, changed: ChangedKey, strict: boolean): boolean {
    const { scope, key, position } = changed
    let line = partition.lineOf(scope, key)
    partition.looks++
    if (!line || line.isEmpty) {
      if (position >= partition.nextSeq * itemsPerRow || partition.offering > 0) return false
      line ??= partition.openLine(scope, key, true)
      line.strict = strict
    }
    // Whatever is being read of the lane at the moment may be older than the change.
    line.laneEnds++
    line.checkLane = true
    this.#startNext(partition, line)
    return true
  }

  /** The partition's queue is not paused any more: keys whose lane was not looked at, since it was, go on. */
  goOn(partition: OwnedPartition): void {
    for (const lines of partition.lines.values())
      for (const line of lines.values()) if (!line.active) this.#startNext(partition, line)
  }

  /** Rows of the lane that are held stay there alone. */
  #giveBack(line: KeyLine): void {
    for (const work of line.held.drain()) {
      if (!work.waiting) {
        line.held.push(work)
        continue
      }
      work.partition.held--
      this.#parts.onLeft(work)
    }
  }

  /** All that is held goes to the lane, or stays there alone. */
  #spillLine(line: KeyLine): void {
    for (const work of line.held.drain()) {
      work.partition.held--
      if (work.waiting) {
        this.#parts.onLeft(work)
        line.checkLane = true
        continue
      }
      line.spilling++
      this.#parts.onEnded(work, { kind: 'spilled' })
    }
  }

  #hold(line: KeyLine, work: WorkItem): void {
    line.held.push(work)
    work.partition.held++
  }

  #activateHeld(partition: OwnedPartition, line: KeyLine): void {
    const next = line.held.shift()
    partition.held--
    if (next) this.#activate(line, next)
  }

  #activate(line: KeyLine, work: WorkItem): void {
    line.active = work
    if (work.waiting) line.openSince = work.waitsSince
    this.#parts.onReady(work)
  }

  #mayStart(line: KeyLine): boolean {
    return line.held.size === 0 && !line.checkLane && line.spilling === 0 && !line.asking
  }

  #startNext(partition: OwnedPartition, line: KeyLine): void {
    if (partition.lost || line.active || line.asking) return
    if (line.blockedAsOf === partition.looks) {
      // It may be blocked for days: what waits for it waits in the lane, and the log goes on without it.
      this.#spillLine(line)
      partition.releaseLine(line)
      return
    }
    if (line.spilling > 0) return
    // Rows of the lane that are in memory come before those that are still there.
    if (line.checkLane && line.held.peek()?.waiting === undefined) {
      void this.#askLane(partition, line)
      return
    }
    const next = line.held.shift()
    if (!next) {
      partition.closeLine(line)
      return
    }
    partition.held--
    this.#activate(line, next)
  }

  /** What the lane has of the key comes first, unless memory has something that was there before it. */
  async #askLane(partition: OwnedPartition, line: KeyLine): Promise<void> {
    line.asking = true
    const putsBefore = partition.lanePuts
    const endsBefore = line.laneEnds
    try {
      const {
        items: all,
        blocked,
        more,
        isChanging = false,
        isBlocked = false,
        isPaused = false,
        isSuperseded = false,
      } = await this.#parts.lane.next(partition, line)
      line.asking = false
      if (partition.lost || line.active) return
      if (isPaused) {
        // It may have been let go on while the lane was asked.
        if (partition.control.isRunning) this.#startNext(partition, line)
        else partition.releaseLine(line)
        return
      }
      if (line.laneEnds !== endsBefore) {
        this.#startNext(partition, line)
        this.#parts.pump()
        return
      }
      if (isBlocked) {
        line.blockedAsOf = partition.looks
        this.#startNext(partition, line)
        this.#parts.pump()
        return
      }
      const held = line.held.peek()
      const first = all[0] ?? blocked
      // What an act put into the lane may stand between those that memory holds.
      const items = held && !held.waiting ? all.filter((work) => work.position < held.position) : all
      const head = items[0]
      if (held && !held.waiting && first && held.position < first.position) {
        this.#activateHeld(partition, line)
      } else if (head) {
        this.#holdInFront(line, items)
        line.checkLane = more || isChanging || items.length < all.length || putsBefore !== partition.lanePuts
        // Where all that was read is superseded, the lane may have more of the kind.
        this.#startNext(partition, line)
      } else if (blocked) {
        // Superseded while it waits: the newer one is held behind it, here or in the lane.
        if (blocked.processor && (isSuperseded || (held && supersedes(held)))) this.#cancel(blocked, line)
        else partition.releaseLine(line)
      } else if (!isChanging) {
        if (putsBefore === partition.lanePuts) line.checkLane = false
        this.#startNext(partition, line)
      }
      this.#parts.pump()
    } catch (error) {
      line.asking = false
      this.#parts.onProblem(error)
      // Asked again; meanwhile the key stays where it is.
      setTimeout(() => this.#startNext(partition, line), 500).unref()
    }
  }

  /** Rows of the lane come before what memory holds of their key; those that one behind them supersedes end as cancelled. */
  #holdInFront(line: KeyLine, items: readonly WorkItem[]): void {
    const behind = line.held.drain()
    const newest = supersedes(behind[0]) ? items.length : Math.max(0, items.findLastIndex(supersedes))
    for (const [at, work] of items.entries()) {
      this.#parts.onTaken(work)
      work.line = line
      if (at < newest) this.#parts.onEnded(work, { kind: 'cancelled', reason: 'superseded' })
      else this.#hold(line, work)
    }
    for (const work of behind) line.held.push(work)
  }

  /** The newest wins: what came before and has not started ends as cancelled. */
  #supersede(partition: OwnedPartition, line: KeyLine): void {
    const older = line.held.drain()
    partition.held -= older.length
    if (line.active && line.active.startedAt === 0 && !line.active.outcome) older.unshift(line.active)
    for (const work of older) this.#parts.onEnded(work, { kind: 'cancelled', reason: 'superseded' })
    // One that waits for its next attempt is met when the lane is asked.
    if (!line.active && line.checkLane) setImmediate(() => this.#startNext(partition, line))
  }

  #cancel(work: WorkItem, line: KeyLine): void {
    this.#parts.onTaken(work)
    work.line = line
    line.active = work
    this.#parts.onEnded(work, { kind: 'cancelled', reason: 'superseded' })
  }
}

function supersedes(work: WorkItem | undefined): boolean {
  return work?.processor?.definition.supersede === 'older'
}
