import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { ChangedKey } from './act-note.ts'
import type { AttemptSurroundings } from './attempt.ts'
import type { CrashGuard } from './crash-guard.ts'
import { executeItem } from './execute.ts'
import { isPlainSuccess } from './gathered.ts'
import { giveBack, isGivenBack } from './given-back.ts'
import { KeyLines, type LaneReader } from './key-lines.ts'
import type { Lease } from './lease.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import type { QueueControl } from './queue-control.ts'
import { stuckRows } from './settlement-rows.ts'
import type { Settler } from './settler.ts'
import { sweepAttempts } from './sweep-attempts.ts'
import { isLanePut, type Outcome, type WorkItem } from './work-item.ts'

/** Acts on items, as the dispatcher meets them. */
export interface ActGate {
  /** An item of a partition with open acts is about to start. @returns whether it must not: it has ended by its act */
  meets(work: WorkItem): boolean
  /** What the end of an attempt means for an item of such a partition. */
  ended(work: WorkItem, outcome: Outcome): Outcome
}

export interface DispatcherParts {
  readonly processors: ReadonlyMap<string, Processor>
  readonly lease: Lease
  readonly events: Events
  readonly surroundings: AttemptSurroundings
  readonly lane: LaneReader
  /** There is room in memory again. */
  readonly onRoom: () => void
  /** A partition has nothing left in memory. */
  readonly onIdle: (partition: OwnedPartition) => void
}

/** Ready items beyond which reading waits, at least. */
const minPlenty = 1_500

/** Starts items: same key in order and one at a time, other keys at once, up to the concurrency of their definition. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #processors: readonly Processor[]
  readonly #lines: KeyLines
  #settler: Settler | undefined
  #guard: CrashGuard | undefined
  #gate: ActGate | undefined
  #turn = 0
  #stopped = false
  #pumping = false
  #endListeners: (() => void)[] = []
  readonly #plenty: number
  loaded = 0
  running = 0

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#processors = [...parts.processors.values()]
    const slots = this.#processors.reduce((sum, { definition }) => sum + definition.concurrency, 0)
    this.#plenty = Math.max(minPlenty, 2 * slots)
    this.#lines = new KeyLines({
      lane: parts.lane,
      onReady: (work) => work.processor?.push(work),
      onTaken: (work) => this.#take(work),
      onLeft: (work) => this.#forget(work),
      onEnded: (work, outcome) => this.#end(work, outcome),
      onProblem: (error) => parts.events.emit('problem', { where: 'key', error }),
      pump: () => this.pump(),
    })
  }

  /** Whether so many ready items keep all slots busy while the next read is under way; more would only age in memory. */
  isPlenty(ready: number, { perNode = 0 }: QueueControl): boolean {
    return ready >= Math.max(this.#plenty, 2 * perNode)
  }

  /** The settler and the guard call back into the dispatcher, so they come after it. */
  connect(settler: Settler, guard: CrashGuard): void {
    this.#settler = settler
    this.#guard = guard
  }

  get unsettled(): number {
    return this.#settler?.unsettled ?? 0
  }

  processorOf(definitionId: string): Processor | undefined {
    return this.#parts.processors.get(definitionId)
  }

  /** Acts come to the dispatcher, and it asks them about items that they are for. */
  connectActs(gate: ActGate): void {
    this.#gate = gate
  }

  /** Items that have not started end by acts: cancelled, or put into the lane. */
  withdraw(ended: ReadonlyMap<WorkItem, Outcome>): void {
    if (ended.size === 0) return
    this.#lines.withdraw(new Set(ended.keys()))
    for (const [work, outcome] of ended) this.#end(work, outcome)
    for (const processor of this.#processors) processor.forgetEnded()
    this.pump()
  }

  /** An item that was about to start ends by an act. */
  end(work: WorkItem, outcome: Outcome): void {
    this.#end(work, outcome)
  }

  /** Rows of a key have changed in the lane. @returns false where it is too early to look */
  look(partition: OwnedPartition, key: ChangedKey): boolean {
    const strict = this.processorOf(key.definition)?.definition.order !== 'relaxed'
    return this.#lines.look(partition, key, strict)
  }

  /** Takes an item into memory that was read, from the log or the lane. */
  offer(work: WorkItem, laneHead?: number, blockedAsOf?: number): void {
    this.#take(work)
    // A rolling deploy: another node knows the handler. The lane keeps it, and its key, until that one owns the partition.
    if (!work.processor || work.partition.isClosing) {
      this.#end(work, { kind: 'set-aside' })
      return
    }
    if (work.entry.k === undefined) work.processor.push(work)
    else this.#lines.enter(work, laneHead, blockedAsOf)
  }

  /** Starts what may start. */
  pump(): void {
    if (this.#pumping || !this.#mayStart) return
    if (this.#guard?.isOn) this.#guard.pump()
    else this.#eachReady(this.#execute)
  }

  get #mayStart(): boolean {
    return !this.#stopped && this.#parts.lease.isSafe
  }

  /** Takes a slot for all that may start now. Each has to be started, or freed. @param only which may be taken */
  reserveReady(only?: (work: WorkItem) => boolean): WorkItem[] {
    const reserved: WorkItem[] = []
    if (this.#mayStart) this.#eachReady((work) => reserved.push(work), only)
    return reserved
  }

  /** The next so many that are ready, of each definition. They stay where they are. */
  firstReady(count: number): WorkItem[] {
    return this.#processors.flatMap((processor) => processor.first(count))
  }

  /** Takes a slot for this one, if there is one and no act has ended it. */
  reserve(work: WorkItem): boolean {
    if (!this.#mayStart || !work.processor?.hasSlotFor(work) || this.#isMet(work)) return false
    this.#reserve(work, work.processor)
    return true
  }

  /** Starts what was reserved a while ago. @returns false where that may not be any more: it is put back, unless it has ended */
  startReserved(work: WorkItem): boolean {
    // An act may have come while it waited with its slot, or its queue have been paused.
    const isWanted = !work.outcome && !work.partition.lost && !this.#isMet(work)
    if (isWanted && this.#mayStart && work.partition.control.isRunning) {
      this.#execute(work)
      return true
    }
    this.free(work)
    if (isWanted) this.putBack(work)
    return false
  }

  /** It waits for a slot again; where its partition is about to be given away, for what becomes of that. */
  putBack(work: WorkItem): void {
    if (work.outcome || work.partition.lost) return
    if (work.partition.draining) work.partition.parked.push(work)
    else work.processor?.push(work)
  }

  /** An item that will not start ends all the same. */
  break(work: WorkItem, failure: FailureRecord): void {
    this.#end(work, { kind: 'broken', failure })
  }

  /** What runs, or is about to. */
  runningItems(): WorkItem[] {
    return this.#processors.flatMap(({ running }) => running)
  }

  #eachReady(visit: (work: WorkItem) => void, only?: (work: WorkItem) => boolean): void {
    this.#pumping = true
    // One of each definition in turn, so that a long queue of one does not keep the others waiting.
    let idle = 0
    while (idle < this.#processors.length && this.#settler?.hasRoom(this.running)) {
      const processor = this.#processors[this.#turn++ % this.#processors.length]
      const work = processor && this.#reserveNext(processor, only)
      if (work) visit(work)
      if (work) idle = 0
      else idle++
    }
    this.#pumping = false
  }

  #reserveNext(processor: Processor, only?: (work: WorkItem) => boolean): WorkItem | undefined {
    for (;;) {
      const work = processor.next(only)
      if (!work) return undefined
      const { partition } = work
      // Superseded, or of a partition that is gone or about to go.
      if (work.outcome || partition.lost) continue
      if (partition.draining) {
        partition.parked.push(work)
        continue
      }
      if (this.#isMet(work)) continue
      this.#reserve(work, processor)
      return work
    }
  }

  #isMet(work: WorkItem): boolean {
    return work.partition.acts !== undefined && this.#gate?.meets(work) === true
  }

  #reserve(work: WorkItem, processor: Processor): void {
    processor.begin(work)
    work.partition.running++
    this.running++
  }

  // One function for all, as the next one is.
  readonly #execute = (work: WorkItem): void => {
    // What has a slot has a processor.
    const { definition } = work.processor as Processor
    work.partition.control.tracer?.started(work)
    executeItem(work, definition, this.#parts.surroundings, this.#onAttemptEnd)
  }

  /** Its slot is free again. */
  free(work: WorkItem): void {
    const { partition, attempt } = work
    work.processor?.end(work)
    partition.running--
    if (attempt?.reportedStuck) partition.stuck--
    this.running--
    if (this.#endListeners.length > 0) for (const tell of this.#endListeners.splice(0)) tell()
    if (partition.lost && !partition.mayEnd) this.#parts.onIdle(partition)
  }

  // One function for all, not one made for each attempt.
  readonly #onAttemptEnd = (work: WorkItem, outcome: Outcome): void => {
    this.free(work)
    if (work.partition.lost) {
      // Its slot is free for the other partitions.
      this.pump()
      return
    }
    // Told to stop by a node that stops, it has not used up an attempt: the next owner runs it again.
    if (outcome.kind !== 'succeeded' && work.attempt?.abortReason?.code === 'NODE_STOPPED') return
    const { acts } = work.partition
    const met = acts === undefined || !this.#gate ? outcome : this.#gate.ended(work, outcome)
    if (isGivenBack(work, met)) {
      const note = giveBack(work)
      if (note) this.#settler?.note(note)
      // Of its key it is the active one, as before.
      this.putBack(work)
    } else this.#end(work, met)
    this.pump()
  }

  /** An item's stay in memory ends with this outcome, once it is settled. */
  #end(work: WorkItem, outcome: Outcome): void {
    work.finish(outcome)
    if (isLanePut(work)) work.partition.beginLanePut(outcome.kind)
    // Nothing of its key starts before the lane has it.
    if (outcome.kind === 'parked' && work.line) work.line.spilling++
    work.partition.unsettled++
    this.#settler?.add(work)
    // After a plain success the next of its key starts at once: settles keep the order. All else waits for the commit.
    if (work.line && isPlainSuccess(work)) this.#lines.advance(work)
  }

  /** The item's settle has committed. */
  settled(work: WorkItem): void {
    const { partition, outcome, line } = work
    if (partition.lost) return
    partition.unsettled--
    this.#forget(work)
    if (isLanePut(work)) partition.lanePutsUnderWay--
    if (line && outcome && (outcome.kind !== 'succeeded' || line.active === work))
      this.#lines.settled(work, outcome)
    if (partition.loaded === 0) this.#parts.onIdle(partition)
  }

  /** Moves held items of a partition to the lane, while it has too many of them or too many gaps. */
  spill(partition: OwnedPartition, count: number): void {
    this.#lines.spill(partition, count)
  }

  /** Ends the ownership in memory: nothing of it starts or is settled any more, its handlers are told to stop. */
  drop(partition: OwnedPartition, reason: string): void {
    if (partition.lost) return
    partition.lost = true
    this.loaded -= partition.loaded
    const error = new CoatcheckError(
      'LEASE_LOST',
      `the node lost partition ${partition.name} (${reason}); another one runs the item`,
    )
    for (const processor of this.#processors)
      for (const work of processor.running) if (work.partition === partition) work.attempt?.cancel(error)
    partition.lines.clear()
    partition.fromLane.clear()
    this.#parts.onRoom()
  }

  /** A handover that did not come about: what was parked may start after all. */
  resume(partition: OwnedPartition): void {
    partition.draining = false
    for (const work of partition.parked.splice(0)) this.putBack(work)
    this.pump()
  }

  /** Its queue goes on: what memory holds of its keys is looked at again. */
  goOn(partition: OwnedPartition): void {
    this.#lines.goOn(partition)
  }

  /** Resolves when the next attempt ends, or the time is over. */
  nextEnd(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.#endListeners.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Nothing starts any more. */
  stopStarting(): void {
    this.#stopped = true
  }

  /** Tells all that runs to stop. */
  cancelAll(error: CoatcheckError): void {
    for (const processor of this.#processors)
      for (const work of processor.running) work.attempt?.cancel(error)
  }

  /** Aborts attempts at their timeout, and reports those that do not end. */
  sweep(): void {
    const now = performance.now()
    for (const processor of this.#processors)
      sweepAttempts(processor, now, (work, sinceMs) => {
        const { partition } = work
        partition.stuck++
        this.#parts.events.emit('item.stuck', {
          id: work.id,
          definition: processor.definition.id,
          sinceMs,
        })
        this.#recordStuck(work, now)
        if (partition.lost && !partition.mayEnd) this.#parts.onIdle(partition)
      })
  }

  /** So that whoever looks the item up sees why it does not end. */
  #recordStuck(work: WorkItem, now: number): void {
    const reason = work.attempt?.abortReason
    if (!reason || work.partition.lost || work.processor?.definition.tracking !== 'all') return
    const { row, logged } = stuckRows(work, { code: reason.code, message: reason.message }, now)
    work.publish()
    this.#settler?.note({
      partition: work.partition,
      ranges: [],
      holesIn: [],
      holesOut: [],
      indexed: { rows: new Map([[work.id, row]]), to: 0 },
      logged: [logged],
    })
  }

  #take(work: WorkItem): void {
    this.loaded++
    work.partition.loaded++
    work.partition.loadedSize += work.size
    if (work.waiting) work.partition.fromLane.set(work.waiting.id, work)
  }

  #forget(work: WorkItem): void {
    this.loaded--
    work.partition.loaded--
    work.partition.loadedSize -= work.size
    if (!work.waiting) return
    work.partition.fromLane.delete(work.waiting.id)
    work.partition.leftLane.add(work.waiting.id)
    work.partition.changedInLane?.add(work.waiting.id)
  }
}
