import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readLiveNodes } from '../store/nodes.ts'
import {
  acquirePartitions,
  readOwners,
  releasePartitions,
  type OwnerRow,
  type PartitionName,
} from '../store/partitions.ts'
import { readHoles, readLaneContent } from '../store/waiting-items.ts'
import { assignToBeating } from './assignment.ts'
import type { Dispatcher } from './dispatcher.ts'
import { beatMs, leaseMs, type Heartbeat } from './heartbeat.ts'
import { OwnedPartition } from './owned-partition.ts'
import type { Settler } from './settler.ts'

export interface OwnershipParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly heartbeat: Heartbeat
  readonly dispatcher: Dispatcher
  readonly settler: Settler
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
const handoverMs = 5_000
/** While handlers take too long for a handover the partition must not spend its time in trying. */
const againAfterMs = 30_000

/** Which partitions are this node's: takes those that are free or whose owner is dead, gives away what others should have. */
export class Ownership implements Part {
  readonly #parts: OwnershipParts
  readonly #loop: Loop
  /** Partitions that were lost or given up while handlers of theirs still ran: not taken again before those have ended. */
  readonly #leaving = new Map<string, Set<OwnedPartition>>()
  readonly #handovers = new Map<OwnedPartition, number>()
  #leaseLost = false
  #live = 1

  constructor(parts: OwnershipParts) {
    this.#parts = parts
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

  wake(): void {
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
      this.#leaseLost = false
      this.#parts.events.emit('node.lease-regained', { node: bootId })
    }
    const nodes = await readLiveNodes(database.driver, database.schema, leaseMs - lateMs)
    const owners = await readOwners(database.driver, database.schema)
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
    for (const partition of owned.values()) {
      const wanted = assigned.get(partition.name)
      if (wanted !== undefined && wanted !== bootId) this.#beginHandover(partition)
      else if (partition.draining) this.#endHandover(partition)
    }
    await this.#finishHandovers()
    if (this.#handovers.size > 0) return 25
    const isWatchful =
      nodes.some((node) => !node.beats) || owners.some((row) => !row.alive && assigned.has(nameOf(row)))
    return isWatchful ? watchfulMs : tickMs
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

  /** A lost partition has no handler running any more. */
  left(partition: OwnedPartition): void {
    const leaving = this.#leaving.get(partition.name)
    if (!leaving?.delete(partition)) return
    if (leaving.size === 0) this.#leaving.delete(partition.name)
    this.#loop.wake()
  }

  /** At the end: gives all back, so that others may take it at once. What still runs is run again by them. */
  async releaseAll(): Promise<void> {
    const { database, bootId, owned, events, dispatcher } = this.#parts
    const held = [...owned.values()]
    if (held.length === 0) return
    for (const partition of held) {
      dispatcher.drop(partition, 'the node stops')
      owned.delete(partition.name)
    }
    await releasePartitions(database.driver, database.schema, bootId, held.map(toFencedName))
    this.#parts.onReleased(held)
    for (const { queue, partition } of held)
      events.emit('partition.released', { queue, partition, reason: 'stop' })
  }

  #mayTake(row: OwnerRow): boolean {
    if (this.#leaving.has(nameOf(row))) return false
    return row.owner === undefined || row.owner === this.#parts.bootId || !row.alive
  }

  async #acquire(names: readonly PartitionName[]): Promise<void> {
    const { database, bootId, owned, events } = this.#parts
    const { driver, schema } = database
    const rows = await acquirePartitions(
      driver,
      schema,
      bootId,
      names.map(({ queue, partition }) => ({ queue, partition })),
    )
    for (const row of rows) {
      // In statements begun after the acquire has committed: what the last owner did until then is in them.
      const lane = await readLaneContent(driver, schema, row)
      const holes = await readHoles(driver, schema, row)
      const partition = new OwnedPartition(row, lane)
      for (const hole of holes)
        partition.holes.set(hole.seq, {
          seq: hole.seq,
          seenAt: 0,
          mark: hole.mark,
          recorded: true,
          settling: false,
        })
      owned.set(partition.name, partition)
      events.emit('partition.acquired', { queue: row.queue, partition: row.partition, epoch: row.epoch })
    }
    if (rows.length > 0) this.#parts.onAcquired()
  }

  #beginHandover(partition: OwnedPartition): void {
    if (this.#handovers.has(partition) || performance.now() < partition.keptUntil) return
    partition.draining = true
    this.#handovers.set(partition, performance.now())
  }

  #endHandover(partition: OwnedPartition): void {
    this.#handovers.delete(partition)
    this.#parts.dispatcher.resume(partition)
  }

  /** Partitions of which nothing runs and all is settled go; one that takes too long goes on, and is given away later. */
  async #finishHandovers(): Promise<void> {
    const { database, bootId, events, dispatcher } = this.#parts
    const ready: OwnedPartition[] = []
    for (const [partition, began] of this.#handovers) {
      if (partition.lost) this.#handovers.delete(partition)
      else if (partition.running === 0 && partition.unsettled === 0) ready.push(partition)
      else if (performance.now() - began > handoverMs) {
        partition.keptUntil = performance.now() + againAfterMs
        this.#endHandover(partition)
      }
    }
    if (ready.length === 0) return
    for (const partition of ready) {
      this.#handovers.delete(partition)
      dispatcher.drop(partition, 'handover')
      this.#parts.owned.delete(partition.name)
    }
    await releasePartitions(database.driver, database.schema, bootId, ready.map(toFencedName))
    this.#parts.onReleased(ready)
    for (const { queue, partition } of ready)
      events.emit('partition.released', { queue, partition, reason: 'handover' })
  }

  #loseAll(): void {
    if (!this.#leaseLost) {
      this.#leaseLost = true
      this.#parts.events.emit('node.lease-lost', { node: this.#parts.bootId })
    }
    for (const partition of this.#parts.owned.values()) this.lose(partition, 'its lease ran out')
  }

  #remove(partition: OwnedPartition): void {
    this.#parts.owned.delete(partition.name)
    this.#handovers.delete(partition)
    if (partition.running === 0) return
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
