import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { closeDebounces } from '../store/debounce.ts'
import { readLaneContent } from '../store/lane-content.ts'
import type { PartitionName } from '../store/partitions.ts'
import {
  readDue,
  readNextDue,
  readOfKey,
  readStartable,
  type Ord,
  type StartableRows,
  type WaitingRow,
} from '../store/waiting-items.ts'
import { DelayedMover } from './delayed-mover.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Entry } from './entry.ts'
import type { KeyLine } from './key-line.ts'
import type { LaneHead, LaneReader } from './key-lines.ts'
import { laneStart, type OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import { queueLoads } from './queue-load.ts'
import type { Settler } from './settler.ts'
import { WorkItem } from './work-item.ts'

export interface LaneParts {
  readonly database: OpenDatabase
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly processors: ReadonlyMap<string, Processor>
  now(): number
}

const maxPollMs = 1_000
/** Until queues that have too much in memory are looked at again: all of them, or some beside others. */
const allFullMs = 50
const someFullMs = 250
const dueAtOnce = 200
/** What one pass reads: delayed items of it go into the log, and into the tracked items, with one settle. */
const dueBytesAtOnce = 4_000_000
const ofKeyAtOnce = 50
const recountMs = 5_000
/** One that is being replaced at the moment is not closed, and met again by the next pass. */
const closedMs = 5

/** The waiting lane of this node's partitions: starts what is due or only waits for its owner, moves delayed items into the log. */
export class Lane implements Part, LaneReader {
  readonly #parts: LaneParts
  readonly #loop: Loop
  #dispatcher: Dispatcher | undefined
  #mover: DelayedMover | undefined
  #onDeferredDue: ((rows: readonly WaitingRow[]) => void) | undefined
  #recountedAt = 0

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'lane', error }),
    )
  }

  /**
   * Dispatcher and settler need the lane, and the lane them.
   * @param onDeferredDue told of deferred items whose time has come
   */
  connect(
    dispatcher: Dispatcher,
    settler: Settler,
    onDeferredDue?: (rows: readonly WaitingRow[]) => void,
  ): void {
    this.#dispatcher = dispatcher
    this.#onDeferredDue = onDeferredDue
    this.#mover = new DelayedMover(settler, () => this.#parts.now())
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Something in the lane is due within this time. */
  wake(delayMs = 0): void {
    this.#loop.wake(delayMs)
  }

  async tick(): Promise<number> {
    const { database, owned, processors } = this.#parts
    const dispatcher = this.#dispatcher
    const open = [...owned.values()].filter(
      (partition) => !partition.draining && !partition.lost && !partition.isClosing,
    )
    if (!dispatcher || open.length === 0) return maxPollMs
    const queues = queueLoads(owned.values())
    const going = open.filter(({ control }) => control.isRunning)
    const partitions = going.filter(({ queue }) => !queues.get(queue)?.isFull)
    if ((partitions.length === 0 && going.length > 0) || this.#mover?.isFull) return allFullMs
    const longestMs = partitions.length < going.length ? someFullMs : maxPollMs
    for (const partition of open) partition.leftLane.clear()
    const known = partitions.flatMap((partition) => [...partition.fromLane.keys(), ...partition.moving])
    const names = partitions.map(toName)
    const limits = { items: dueAtOnce, bytes: dueBytesAtOnce }
    const { driver, schema } = database
    const due = await readDue(driver, schema, names, limits, known, [...processors.keys()])
    due.push(...(await this.#dueOfPaused(open)))
    // Closed first and read again by the next pass: until then what is read of them may be replaced.
    const debounced = due.filter((row) => row.isDebounced).map((row) => row.id)
    if (debounced.length > 0) await closeDebounces(driver, schema, debounced)
    const rows = due.filter((row) => !row.isDebounced)
    const before = dispatcher.loaded
    const deferred = rows.filter((row) => row.state === 'deferred')
    this.#onDeferredDue?.(deferred)
    const scheduled = rows.filter((row) => row.state !== 'deferred')
    for (const row of scheduled.filter((one) => !one.moves)) this.#start(row)
    const moves = scheduled.filter((row) => row.moves && !this.#isTaken(row))
    let taken = dispatcher.loaded > before || moves.length > 0
    this.#mover?.move(moves, owned)
    for (const partition of partitions) {
      const { startAfter } = partition
      if (startAfter === undefined) continue
      await this.#startWaiting(partition)
      // It goes on soon, until all has been gone through.
      taken ||= partition.startAfter !== undefined && partition.startAfter !== startAfter
    }
    await this.#recount(partitions)
    dispatcher.pump()
    if (debounced.length > 0) return closedMs
    if (taken) return rows.length >= dueAtOnce ? 0 : 20
    // Due, but something earlier of its key still runs.
    if (rows.length > 0) return Math.min(longestMs, 250)
    const next = await readNextDue(driver, schema, open.map(toName))
    return next === undefined ? longestMs : Math.min(longestMs, Math.max(1, Math.ceil(next)))
  }

  async next(partition: OwnedPartition, line: KeyLine): Promise<LaneHead> {
    // What is there goes on in the next generation.
    const nothing: LaneHead = { items: [], blocked: undefined, more: true, isChanging: true }
    if (partition.isClosing) return nothing
    // Each key would bring some into memory, and acts change as many keys as they like.
    if (!partition.control.isRunning) return { ...nothing, isPaused: true }
    const { database, processors } = this.#parts
    const { driver, schema } = database
    const known = [...partition.fromLane.values()].filter((work) => work.line === line).map((work) => work.id)
    const { isBlocked, rows } = await readOfKey(driver, schema, partition, line, known, ofKeyAtOnce)
    if (partition.isClosing) return nothing
    if (isBlocked) return { items: [], blocked: undefined, more: false, isBlocked }
    const items: WorkItem[] = []
    let blocked: WorkItem | undefined
    let isChanging = false
    for (const row of rows) {
      if (partition.fromLane.has(row.id)) continue
      isChanging = partition.moving.has(row.id)
      if (isChanging) break
      const work = this.#workItem(partition, row)
      // Without a handler here it waits for a node that has one, and its key with it.
      if (row.state === 'scheduled' || row.state === 'deferred' || !work.processor) {
        if (items.length === 0) blocked = work
        break
      }
      items.push(work)
    }
    const isSuperseded =
      blocked !== undefined &&
      rows.slice(1).some(({ definition }) => processors.get(definition)?.definition.supersede === 'older')
    const more = rows.length === ofKeyAtOnce || items.length < rows.length
    return { items, blocked, more, isChanging, isSuperseded }
  }

  /** What is delayed goes into the log when it is due, to be ordered by that; nothing else of a paused queue is read. */
  async #dueOfPaused(open: readonly OwnedPartition[]): Promise<WaitingRow[]> {
    const { database, events } = this.#parts
    const paused = open.filter(({ control }) => !control.isRunning)
    if (paused.length === 0) return []
    const moving = paused.flatMap((partition) => [...partition.fromLane.keys(), ...partition.moving])
    const limits = { items: dueAtOnce, bytes: dueBytesAtOnce }
    try {
      return await readDue(database.driver, database.schema, paused.map(toName), limits, moving)
    } catch (error) {
      // What has been read of the queues that run starts all the same.
      events.emit('problem', { where: 'lane', error })
      return []
    }
  }

  #isTaken(row: WaitingRow): boolean {
    return this.#parts.owned.get(`${row.queue}/${row.partition}`)?.isTaken(row.id) === true
  }

  #start(row: WaitingRow): void {
    const partition = this.#parts.owned.get(`${row.queue}/${row.partition}`)
    if (!partition || partition.lost || partition.draining || partition.isTaken(row.id)) return
    const work = this.#workItem(partition, row)
    if (!work.processor) return
    this.#dispatcher?.offer(work)
  }

  /**
   * After a takeover, or when a hole was filled late: the first rows of keys that nobody else will start. Only those that the
   * log has been read past: an earlier item of the same key may still come from there.
   */
  async #startWaiting(partition: OwnedPartition): Promise<void> {
    const { database, processors } = this.#parts
    // What was read and is being looked up in the lane does not stand in the lines yet.
    if (partition.offering > 0) return
    const readTo = partition.nextSeq * itemsPerRow
    const { startOvers } = partition
    // A key that fails or is blocked meanwhile must not look free: its line stays until the rows have been gone through.
    partition.offering++
    let startable: StartableRows
    try {
      startable = await readStartable(
        database.driver,
        database.schema,
        partition,
        [...processors.values()].map(({ definition }) => definition),
        partition.startAfter ?? laneStart,
        dueAtOnce,
      )
    } finally {
      partition.offering--
    }
    this.#startHeads(partition, startable, readTo, startOvers)
    partition.closeLingering()
  }

  #startHeads(
    partition: OwnedPartition,
    { rows, after }: StartableRows,
    readTo: number,
    startOvers: number,
  ): void {
    // Begun anew meanwhile: what it was begun for may not be among them.
    if (partition.startOvers !== startOvers) return
    for (const row of rows) {
      const ord = ordOf(row)
      if ((ord.generation === partition.generation && ord.position >= readTo) || partition.lost) return
      partition.startAfter = ord
      if (partition.isTaken(row.id)) continue
      const line = row.key === undefined ? undefined : partition.lineOf(row.scope, row.key)
      if (line) line.checkLane = true
      else this.#start(row)
    }
    partition.startAfter = after
  }

  /** Whether the lane still holds rows of keys: without any, what is read need not be checked against it. */
  async #recount(partitions: readonly OwnedPartition[]): Promise<void> {
    const now = performance.now()
    if (now - this.#recountedAt < recountMs) return
    this.#recountedAt = now
    const { driver, schema } = this.#parts.database
    for (const partition of partitions) {
      if (!partition.laneHasKeys || partition.lanePutsUnderWay > 0) continue
      const { lanePuts } = partition
      const content = await readLaneContent(driver, schema, partition)
      if (partition.lanePuts !== lanePuts) continue
      partition.laneHasKeys = content.keyed
      partition.laneHasHeld = content.startable
    }
  }

  #workItem(partition: OwnedPartition, row: WaitingRow): WorkItem {
    const { id, version, enqueuedAt, dueAt } = row
    const ord = ordOf(row)
    const isOlder = ord.generation < partition.generation
    return new WorkItem({
      partition,
      processor: this.#parts.processors.get(row.definition),
      entry: { ...(JSON.parse(row.entry) as Entry), e: enqueuedAt, a: row.attempts },
      origin: {
        flush: '',
        at: dueAt ?? enqueuedAt,
        // Until now it may have waited for anything: another item of its key, a person.
        waitsSince: dueAt ?? this.#parts.now(),
        itemSize: row.entry.length,
      },
      index: 0,
      // Before all of the partition's own; the lane itself says in which order.
      position: isOlder ? ord.position - Number.MAX_SAFE_INTEGER : ord.position,
      end: 0,
      waiting: { id, version },
      older: isOlder ? ord : undefined,
    })
  }
}

function toName({ queue, partition }: OwnedPartition): PartitionName {
  return { queue, partition }
}

function ordOf({ generation = 0, position = 0 }: WaitingRow): Ord {
  return { generation, position }
}
