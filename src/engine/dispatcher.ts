import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import type { AttemptSurroundings } from './attempt.ts'
import { executeItem } from './execute.ts'
import { KeyLines } from './key-lines.ts'
import type { LaneReader } from './key-lines.ts'
import type { Lease } from './lease.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import { stuckRows } from './settlement-rows.ts'
import type { Settler } from './settler.ts'
import type { Outcome, WorkItem } from './work-item.ts'

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

/** Items in memory, at most about so many; reading waits while there are more than half. */
const maxLoaded = 50_000
/** Ready items beyond which reading waits, at least. */
const minPlenty = 1_500
/** Their characters, about. */
const maxLoadedSize = 48_000_000
const stuckAfterMs = 30_000

/** Starts items: same key in order and one at a time, other keys at once, up to the concurrency of their definition. */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #processors: readonly Processor[]
  readonly #lines: KeyLines
  #settler: Settler | undefined
  #turn = 0
  #stopped = false
  #pumping = false
  #endListeners: (() => void)[] = []
  readonly #plenty: number
  #loadedSize = 0
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
  isPlenty(ready: number): boolean {
    return ready >= this.#plenty
  }

  /** Nothing more may come into memory until some has gone. */
  get isFull(): boolean {
    return this.loaded >= maxLoaded || this.#loadedSize >= maxLoadedSize
  }

  /** The settler calls back into the dispatcher, so it comes after it. */
  connect(settler: Settler): void {
    this.#settler = settler
  }

  processorOf(definitionId: string): Processor | undefined {
    return this.#parts.processors.get(definitionId)
  }

  /** Takes an item into memory that was read, from the log or the lane. */
  offer(work: WorkItem, laneHead?: number): void {
    this.#take(work)
    // A rolling deploy: another node knows the handler. The lane keeps it, and its key, until that one owns the partition.
    if (!work.processor) {
      this.#end(work, { kind: 'set-aside' })
      return
    }
    if (work.entry.k === undefined) work.processor.push(work)
    else this.#lines.enter(work, laneHead)
  }

  /** Starts what may start. */
  pump(): void {
    if (this.#pumping || this.#stopped || !this.#parts.lease.isSafe) return
    this.#pumping = true
    // One of each definition in turn, so that a long queue of one does not keep the others waiting.
    let idle = 0
    while (idle < this.#processors.length && this.#settler?.hasRoom(this.running)) {
      const processor = this.#processors[this.#turn++ % this.#processors.length]
      if (processor && this.#startNext(processor)) idle = 0
      else idle++
    }
    this.#pumping = false
  }

  #startNext(processor: Processor): boolean {
    if (!processor.hasSlot) return false
    for (;;) {
      const work = processor.next()
      if (!work) return false
      const { partition } = work
      // Superseded, or of a partition that is gone or about to go.
      if (work.outcome || partition.lost) continue
      if (partition.draining) {
        partition.parked.push(work)
        continue
      }
      processor.running.add(work)
      partition.running++
      this.running++
      executeItem(work, processor.definition, this.#parts.surroundings, (ended, outcome) =>
        this.#onAttemptEnd(processor, ended, outcome),
      )
      return true
    }
  }

  #onAttemptEnd(processor: Processor, work: WorkItem, outcome: Outcome): void {
    const { partition } = work
    processor.running.delete(work)
    partition.running--
    this.running--
    if (this.#endListeners.length > 0) for (const tell of this.#endListeners.splice(0)) tell()
    if (partition.lost) {
      if (partition.running === 0) this.#parts.onIdle(partition)
      // Its slot is free for the other partitions.
      this.pump()
      return
    }
    // Told to stop by a node that stops, it has not used up an attempt: the next owner runs it again.
    if (outcome.kind !== 'succeeded' && work.attempt?.abortReason?.code === 'NODE_STOPPED') return
    this.#end(work, outcome)
    this.pump()
  }

  /** An item's stay in memory ends with this outcome, once it is settled. */
  #end(work: WorkItem, outcome: Outcome): void {
    work.outcome = outcome
    if (outcome.kind === 'failed' || outcome.kind === 'spilled' || outcome.kind === 'set-aside')
      work.partition.beginLanePut(outcome.kind)
    work.partition.unsettled++
    this.#settler?.add(work)
    // After a plain success the next of its key starts at once: settles keep the order. All else waits for the commit.
    if (work.line && outcome.kind === 'succeeded' && !work.attempt?.writes) this.#lines.advance(work)
  }

  /** The item's settle has committed. */
  settled(work: WorkItem): void {
    const { partition, outcome, line } = work
    if (partition.lost) return
    partition.unsettled--
    this.#forget(work)
    if (outcome?.kind === 'failed' || outcome?.kind === 'spilled' || outcome?.kind === 'set-aside')
      partition.lanePutsUnderWay--
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
    this.#loadedSize -= partition.loadedSize
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
    for (const work of partition.parked.splice(0)) work.processor?.push(work)
    this.pump()
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
    for (const processor of this.#processors) {
      const { timeoutMs, name } = processor.definition
      for (const work of processor.running) {
        const attempt = work.attempt
        if (!attempt) continue
        if (attempt.abortedAt === 0 && now - work.startedAt >= timeoutMs)
          attempt.cancel(new CoatcheckError('TIMEOUT', `${name} did not end within ${timeoutMs} ms`))
        else if (attempt.abortedAt > 0 && !attempt.reportedStuck && now - attempt.abortedAt >= stuckAfterMs) {
          attempt.reportedStuck = true
          this.#parts.events.emit('item.stuck', {
            id: work.id,
            definition: processor.definition.id,
            sinceMs: now - attempt.abortedAt,
          })
          this.#recordStuck(work, now)
        }
      }
    }
  }

  /** So that whoever looks the item up sees why it does not end. */
  #recordStuck(work: WorkItem, now: number): void {
    const reason = work.attempt?.abortReason
    if (!reason || work.partition.lost || work.processor?.definition.tracking !== 'all') return
    const { row, logged } = stuckRows(work, { code: reason.code, message: reason.message }, now)
    work.published = true
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
    this.#loadedSize += work.size
    work.partition.loadedSize += work.size
    if (work.waiting) work.partition.fromLane.set(work.waiting.id, work)
  }

  #forget(work: WorkItem): void {
    this.loaded--
    work.partition.loaded--
    this.#loadedSize -= work.size
    work.partition.loadedSize -= work.size
    if (!work.waiting) return
    work.partition.fromLane.delete(work.waiting.id)
    work.partition.leftLane.add(work.waiting.id)
  }
}
