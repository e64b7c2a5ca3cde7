import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import {
  readDue,
  readLaneContent,
  readNextDue,
  readOfKey,
  readStartable,
  type WaitingRow,
} from '../store/waiting-items.ts'
import { DelayedMover } from './delayed-mover.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Entry } from './entry.ts'
import type { KeyLine } from './key-line.ts'
import type { LaneHead, LaneReader } from './key-lines.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import type { Settler } from './settler.ts'
import type { Topology } from './topology.ts'
import { WorkItem } from './work-item.ts'

export interface LaneParts {
  readonly database: OpenDatabase
  readonly topology: Topology
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly processors: ReadonlyMap<string, Processor>
  now(): number
}

const maxPollMs = 1_000
const dueAtOnce = 200
const ofKeyAtOnce = 50
const recountMs = 5_000

/** The waiting lane of this node's partitions: starts what is due or only waits for its owner, moves delayed items into the log. */
export class Lane implements Part, LaneReader {
  readonly #parts: LaneParts
  readonly #loop: Loop
  #dispatcher: Dispatcher | undefined
  #mover: DelayedMover | undefined
  #recountedAt = 0

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'lane', error }),
    )
  }

  /** Dispatcher and settler need the lane, and the lane them. */
  connect(dispatcher: Dispatcher, settler: Settler): void {
    this.#dispatcher = dispatcher
    this.#mover = new DelayedMover(this.#parts.topology, settler, () => this.#parts.now())
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
    const partitions = [...owned.values()].filter((partition) => !partition.draining && !partition.lost)
    if (!dispatcher || partitions.length === 0) return maxPollMs
    if (dispatcher.isFull) return 50
    for (const partition of partitions) partition.leftLane.clear()
    const known = partitions.flatMap((partition) => [...partition.fromLane.keys(), ...partition.moving])
    const names = partitions.map(({ queue, partition }) => ({ queue, partition }))
    const rows = await readDue(database.driver, database.schema, names, dueAtOnce, known, [
      ...processors.keys(),
    ])
    const before = dispatcher.loaded
    for (const row of rows.filter((one) => !one.moves)) this.#start(row)
    const taken = dispatcher.loaded > before || rows.some((row) => row.moves)
    this.#mover?.move(
      rows.filter((row) => row.moves),
      owned,
    )
    for (const partition of partitions)
      if (partition.startAfter !== undefined) await this.#startWaiting(partition)
    await this.#recount(partitions)
    dispatcher.pump()
    if (taken) return rows.length >= dueAtOnce ? 0 : 20
    // Due, but something earlier of its key still runs.
    if (rows.length > 0) return 250
    const next = await readNextDue(database.driver, database.schema, names)
    return next === undefined ? maxPollMs : Math.min(maxPollMs, Math.max(1, Math.ceil(next)))
  }

  async next(partition: OwnedPartition, line: KeyLine): Promise<LaneHead> {
    const { driver, schema } = this.#parts.database
    const known = [...partition.fromLane.values()].filter((work) => work.line === line).map((work) => work.id)
    const rows = await readOfKey(driver, schema, partition, line, known, ofKeyAtOnce)
    const items: WorkItem[] = []
    let blocked: WorkItem | undefined
    for (const row of rows) {
      if (partition.fromLane.has(row.id)) continue
      const work = this.#workItem(partition, row)
      // Without a handler here it waits for a node that has one, and its key with it.
      if (row.state === 'scheduled' || row.state === 'deferred' || !work.processor) {
        if (items.length === 0) blocked = work
        break
      }
      items.push(work)
    }
    return { items, blocked, more: rows.length === ofKeyAtOnce || items.length < rows.length }
  }

  #start(row: WaitingRow): void {
    const partition = this.#parts.owned.get(`${row.queue}/${row.partition}`)
    if (!partition || partition.lost || partition.draining || isTaken(partition, row)) return
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
    const rows = await readStartable(
      database.driver,
      database.schema,
      partition,
      [...processors.keys()],
      partition.startAfter ?? -1,
      dueAtOnce,
    )
    for (const row of rows) {
      const position = row.position ?? 0
      if (position >= readTo || partition.lost) return
      partition.startAfter = position
      if (isTaken(partition, row)) continue
      const line = row.key === undefined ? undefined : partition.lineOf(row.scope, row.key)
      if (line) line.checkLane = true
      else this.#start(row)
    }
    if (rows.length < dueAtOnce) partition.startAfter = undefined
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
    return new WorkItem({
      partition,
      processor: this.#parts.processors.get(row.definition),
      entry: JSON.parse(row.entry) as Entry,
      position: row.position ?? 0,
      end: 0,
      size: row.entry.length,
      flush: '',
      index: 0,
      id: row.id,
      enqueuedAt: row.enqueuedAt,
      attempts: row.attempts,
      waiting: { id: row.id, version: row.version },
    })
  }
}

function isTaken(partition: OwnedPartition, row: WaitingRow): boolean {
  return partition.fromLane.has(row.id) || partition.leftLane.has(row.id)
}
