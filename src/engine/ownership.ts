import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readLaneContent } from '../store/lane-content.ts'
import { readLiveNodes } from '../store/nodes.ts'
import {
  acquirePartitions,
  readOwners,
  releasePartitions,
  type OwnerRow,
  type PartitionName,
} from '../store/partitions.ts'
import type { Acts } from './acts.ts'
import { assignToBeating } from './assignment.ts'
import type { CrashGuard } from './crash-guard.ts'
import type { Dispatcher } from './dispatcher.ts'
import { beatMs, leaseMs, type Heartbeat } from './heartbeat.ts'
import { Neighbours } from './neighbours.ts'
import { OwnedPartition } from './owned-partition.ts'
import type { QueueControls } from './queue-controls.ts'
import type { Settler } from './settler.ts'
import type { Topology } from './topology.ts'

export interface OwnershipParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly heartbeat: Heartbeat
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly guard: CrashGuard
  readonly acts: Acts
  readonly topology: Topology
  readonly controls: QueueControls
  readonly events: Events
  /** The partitions that this node owns, by `queue/partition`. Only this part writes it. */
  readonly owned: Map<string, OwnedPartition>
  readonly onAcquired: () => void
  /** Tells other nodes that partitions are free. */
  readonly onReleased: (places: readonly PartitionName[]) => void
}

const tickMs = 1_000
/** While some node is late, or a partition without an owner: whatever comes of it is to be seen soon. */
const watchfulMs = 250
/** A heartbeat comes every two seconds; after so long one was missed. */
const lateMs = beatMs + 1_000
/**
 * Between two looks there is so many times what the last one took, up to so long: while a snapshot is held open they read all
 * old versions of what they look for.
 */
const lookShare = 20
const slowestTickMs = 2_000
const handoverMs = 5_000
/** While handlers take too long for a handover the partition must not spend its time in trying. */
const againAfterMs = 30_000

/** Which partitions are this node's: takes those that are free or whose owner is dead, gives away what others should have. */
export class Ownership implements Part {
  readonly #parts: OwnershipParts
  readonly #neighbours: Neighbours
  readonly #loop: Loop
  /** Partitions that were lost or given up while handlers of theirs still ran: not taken again before those have ended, or are stuck. */
  readonly #leaving = new Map<string, Set<OwnedPartition>>()
  readonly #handovers = new Map<OwnedPartition, number>()
  #elsewhere: ReadonlySet<string> = new Set()
  /** Given up in memory while the database has not said that it knows, by name. */
  readonly #unreleased = new Map<string, OwnedPartition>()
  #leaseLost = false
  /** Something held the event loop until the lease was lost; what of the node's own was lost by it, by name. */
  #wasStuck = false
  readonly #lapsed = new Set<string>()
  #isLeaving = false
  #live = 1

  constructor(parts: OwnershipParts) {
    this.#parts = parts
    this.#neighbours = new Neighbours(parts)
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'partitions', error }),
    )
  }

  /** Background nodes alive when last looked, this one included. */
  get liveNodes(): number {
    return this.#live
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  wake(delayMs = 0): void {
    this.#loop.wake(delayMs)
  }

  /** The node stops: takes nothing more, and gives each partition away as soon as nothing of it runs or is unsettled. */
  leave(): void {
    this.#isLeaving = true
    this.#loop.wake()
  }

  /** Stops looking; what is owned stays owned until `releaseAll`. */
  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  async tick(): Promise<number> {
    const { heartbeat, database, bootId, owned } = this.#parts
    if (!heartbeat.isSafe) {
      this.#loseAll()
      heartbeat.begin()
      return 100
    }
    if (this.#leaseLost) {
      await this.#comeBack()
      this.#parts.events.emit('node.lease-regained', { node: bootId })
    }
    if (this.#isLeaving) return this.#giveAway()
    const began = performance.now()
    const live = await readLiveNodes(database.driver, database.schema, leaseMs - lateMs)
    const nodes = await this.#neighbours.withoutGone(live)
    const rows = await readOwners(database.driver, database.schema)
    const leastMs = (performance.now() - began) * lookShare
    await this.#parts.controls.note(rows)
    await this.#parts.topology.note(rows)
    // Those of a newer generation wait until the older one is drained.
    const owners = rows.filter((row) => row.isOpen)
    const elsewhere = owners.filter((row) => row.alive && row.owner !== bootId)
    this.#elsewhere = new Set(elsewhere.map(nameOf))
    this.#live = nodes.filter((node) => node.types.includes('background')).length
    // Itself missing: the heartbeat will enter it again.
    if (!nodes.some((node) => node.bootId === bootId)) return 200
    const assigned = assignToBeating(
      nodes.map((node) => (node.bootId === bootId ? { ...node, beats: true } : node)),
      owners,
    )
    const free = owners.filter(
      (row) =>
        // Its own by the database and not in memory, whoever should have it: a release that failed, or one that it lost while
        // its lease ran. Nobody else may take it, so it is taken back, and then given away.
        (assigned.get(nameOf(row)) === bootId || row.owner === bootId) &&
        !owned.has(nameOf(row)) &&
        this.#mayTake(row),
    )
    if (free.length > 0) await this.#acquire(free)
    for (const row of owners) {
      const partition = row.isOld ? owned.get(nameOf(row)) : undefined
      if (partition) partition.isOld = true
    }
    for (const partition of owned.values()) {
      const wanted = assigned.get(partition.name)
      if (wanted !== undefined && wanted !== bootId) this.#beginHandover(partition)
      else if (partition.draining) this.#endHandover(partition)
    }
    await this.#finishHandovers()
    if (this.#handovers.size > 0) return 25
    const isWatchful =
      nodes.some((node) => !node.beats) || owners.some((row) => !row.alive && assigned.has(nameOf(row)))
    return Math.max(isWatchful ? watchfulMs : tickMs, Math.min(leastMs, slowestTickMs))
  }

  /** Whether another live node had the partition when it was looked last. */
  isElsewhere(queue: number, partition: number): boolean {
    return this.#elsewhere.has(`${queue}/${partition}`)
  }

  /** Drops all partitions once the lease is no longer safe; also while the node stops and looks for none any more. */
  checkLease(): void {
    if (!this.#parts.heartbeat.isSafe) this.#loseAll()
  }

  /** The partition turned out to be somebody else's, or is no longer safe to act on. */
  lose(partition: OwnedPartition, reason: string): void {
    if (partition.lost) return
    this.#parts.dispatcher.drop(partition, reason)
    this.#remove(partition)
    this.#parts.events.emit('partition.released', {
      queue: partition.queue,
      partition: partition.partition,
      reason: 'fenced',
    })
    this.#loop.wake()
  }

  /** Nothing is left of a drained partition, and it is not in the database any more. */
  ended(partition: OwnedPartition): void {
    if (partition.lost) return
    this.#parts.dispatcher.drop(partition, 'it has ended')
    this.#remove(partition)
    const { queue, partition: number } = partition
    this.#parts.events.emit('partition.released', { queue, partition: number, reason: 'ended' })
  }

  /** A lost partition has no handler running any more, or none that may end. */
  left(partition: OwnedPartition): void {
    const leaving = this.#leaving.get(partition.name)
    if (!leaving?.delete(partition)) return
    if (leaving.size === 0) this.#leaving.delete(partition.name)
    this.#loop.wake()
  }

  /** At the end: gives all back, so that others may take it at once. What still runs is run again by them. */
  async releaseAll(): Promise<void> {
    const { owned, dispatcher } = this.#parts
    for (const partition of owned.values()) {
      dispatcher.drop(partition, 'the node stops')
      owned.delete(partition.name)
      this.#unreleased.set(partition.name, partition)
    }
    await this.#release('stop')
  }

  /** Tells the database of all that was given up, also of what it was not told when it was tried before. */
  async #release(reason: 'handover' | 'stop'): Promise<void> {
    const { database, bootId, events } = this.#parts
    const given = [...this.#unreleased.values()]
    if (given.length === 0) return
    await releasePartitions(database.driver, database.schema, bootId, given.map(toFencedName))
    for (const { name } of given) this.#unreleased.delete(name)
    this.#parts.onReleased(given)
    for (const { queue, partition } of given) events.emit('partition.released', { queue, partition, reason })
  }

  async #comeBack(): Promise<void> {
    const { heartbeat, guard } = this.#parts
    this.#wasStuck ||= heartbeat.takeStuck()
    if (!this.#wasStuck) this.#lapsed.clear()
    await guard.comeBack(this.#wasStuck)
    this.#wasStuck = false
    this.#leaseLost = false
  }

  #mayTake(row: OwnerRow): boolean {
    if (this.#leaving.has(nameOf(row))) return false
    return row.owner === undefined || row.owner === this.#parts.bootId || !row.alive
  }

  async #acquire(names: readonly PartitionName[]): Promise<void> {
    const { database, bootId, owned, events, guard } = this.#parts
    const { driver, schema } = database
    const rows = await acquirePartitions(
      driver,
      schema,
      bootId,
      names.map(({ queue, partition }) => ({
        queue,
        partition,
        stuck: this.#lapsed.has(nameOf({ queue, partition })),
      })),
    )
    for (const row of rows) this.#unreleased.delete(nameOf(row))
    // Should it fail, they are taken once more, and all that makes them suspicious is in the database.
    if (rows.length > 0) await guard.judge()
    for (const row of rows) {
      // In statements begun after the acquire has committed: what the last owner did until then is in them.
      const lane = await readLaneContent(driver, schema, row)
      const partition = new OwnedPartition(row, lane, this.#parts.controls.of(row.queue))
      // Before anything of it can start. The guard comes last: it keeps what it has adopted, and a call that failed after it
      // would leave it with a partition that nobody works on.
      await this.#parts.acts.load(partition)
      await guard.adopt(partition, row)
      this.#lapsed.delete(partition.name)
      owned.set(partition.name, partition)
      events.emit('partition.acquired', { queue: row.queue, partition: row.partition, epoch: row.epoch })
    }
    if (rows.length > 0) this.#parts.onAcquired()
  }

  #beginHandover(partition: OwnedPartition): void {
    if (this.#handovers.has(partition) || performance.now() < partition.keptUntil) return
    // It could not be given away while that handler runs, and would stand still each time that it is tried.
    if (partition.stuck > 0 && !this.#isLeaving) return
    partition.draining = true
    this.#handovers.set(partition, performance.now())
  }

  async #giveAway(): Promise<number> {
    for (const partition of this.#parts.owned.values()) {
      partition.keptUntil = 0
      this.#beginHandover(partition)
    }
    await this.#finishHandovers()
    return this.#handovers.size > 0 ? 25 : tickMs
  }

  #endHandover(partition: OwnedPartition): void {
    this.#handovers.delete(partition)
    this.#parts.dispatcher.resume(partition)
  }

  /** Partitions of which nothing runs and all is settled go; one that takes too long goes on, and is given away later. */
  async #finishHandovers(): Promise<void> {
    for (const [partition, began] of this.#handovers) {
      if (partition.lost) this.#handovers.delete(partition)
      else if (partition.running === 0 && partition.unsettled === 0) this.#giveUp(partition)
      else if (!this.#isLeaving && performance.now() - began > handoverMs) {
        partition.keptUntil = performance.now() + againAfterMs
        this.#endHandover(partition)
      }
    }
    await this.#release('handover')
  }

  #giveUp(partition: OwnedPartition): void {
    this.#handovers.delete(partition)
    this.#parts.dispatcher.drop(partition, 'handover')
    this.#parts.owned.delete(partition.name)
    this.#unreleased.set(partition.name, partition)
  }

  #loseAll(): void {
    if (!this.#leaseLost) {
      this.#leaseLost = true
      this.#parts.guard.hold()
      this.#parts.events.emit('node.lease-lost', { node: this.#parts.bootId })
    }
    for (const partition of this.#parts.owned.values()) {
      this.#lapsed.add(partition.name)
      this.lose(partition, 'its lease ran out')
    }
  }

  #remove(partition: OwnedPartition): void {
    this.#parts.owned.delete(partition.name)
    this.#handovers.delete(partition)
    if (!partition.mayEnd) return
    const leaving = this.#leaving.get(partition.name) ?? new Set()
    leaving.add(partition)
    this.#leaving.set(partition.name, leaving)
  }
}

function nameOf(name: PartitionName): string {
  return `${name.queue}/${name.partition}`
}

function toFencedName({ queue, partition, epoch }: OwnedPartition): PartitionName & { epoch: number } {
  return { queue, partition, epoch }
}
