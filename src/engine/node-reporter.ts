import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { writeNodeDescription, type NodeDescription } from '../store/node-descriptions.ts'
import { writeNodeReport, type NodeReport, type PartitionReport } from '../store/node-reports.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import type { WorkItem } from './work-item.ts'

export interface NodeReporterParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly processors: ReadonlyMap<string, Processor>
  now(): number
  /** What the node was made with; unset: it does not say. */
  readonly describe?: (() => NodeDescription) | undefined
}

const everyMs = 2_000
/** What was written may have gone with the node's row, which is entered again by its heartbeat. */
const describedEveryMs = 300_000
/** Partitions that one report tells of. */
const maxPartitions = 2_000

/** Says every other second how the node is: what runs, what waits in its memory, how much of the machine it takes. */
export class NodeReporter implements Part {
  readonly #parts: NodeReporterParts
  readonly #loop: Loop
  #cpu = process.cpuUsage()
  #cpuAt = performance.now()
  #described: NodeDescription | undefined
  #describedAt = -Infinity

  constructor(parts: NodeReporterParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'report', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  async tick(): Promise<number> {
    const { database, bootId } = this.#parts
    // Before the report, so that whoever sees that finds it.
    await this.#describe()
    await writeNodeReport(database.driver, database.schema, bootId, this.#report())
    return everyMs
  }

  async #describe(): Promise<void> {
    const { database, bootId, describe, events } = this.#parts
    const now = performance.now()
    const next = describe?.()
    if (!next) return
    const isSame = next.digest === this.#described?.digest && next.settings === this.#described.settings
    if (isSame && now - this.#describedAt < describedEveryMs) return
    try {
      await writeNodeDescription(database.driver, database.schema, bootId, next)
      this.#described = next
      this.#describedAt = now
    } catch (error) {
      // How the node is matters more than what it was made with.
      events.emit('problem', { where: 'report', error })
    }
  }

  #report(): NodeReport {
    const owned = [...this.#parts.owned.values()]
    const byQueue = new Map<number, number>()
    for (const { queue, running } of owned) byQueue.set(queue, (byQueue.get(queue) ?? 0) + running)
    const queues = Array.from(byQueue, ([queue, running]) => ({ queue, running }))
    return {
      running: queues.reduce((sum, { running }) => sum + running, 0),
      memoryMb: Math.round(process.memoryUsage.rss() / 1_048_576),
      cpu: this.#cpuSince(),
      queues,
      partitions: this.#partitions(owned),
    }
  }

  #partitions(owned: readonly OwnedPartition[]): PartitionReport[] {
    const oldest = new Map<OwnedPartition, number>()
    const see = (work: WorkItem | undefined): void => {
      if (!work || work.outcome) return
      const known = oldest.get(work.partition)
      const since = Math.max(work.waitsSince, work.line?.openSince ?? 0)
      if (known === undefined || since < known) oldest.set(work.partition, since)
    }
    // Only the first ones: the memory may be full of others, and they came later.
    for (const processor of this.#parts.processors.values()) processor.eachHead(see)
    for (const partition of owned)
      if (partition.held > 0)
        for (const lines of partition.lines.values())
          // Without an active one they wait for what the lane holds of their key: for a time, or a person.
          for (const { active, held } of lines.values()) if (active) see(held.peek())
    const offset = this.#parts.now() - performance.now()
    // What is left out counts as read up to where it is done: so it is where nothing is in memory.
    const told = [...owned.filter(isBusy), ...owned.filter((partition) => !isBusy(partition))]
    return told.slice(0, maxPartitions).map((partition) => {
      const oldestAt = oldest.get(partition)
      const { queue, shelf, nextSeq, lastRowAt, lastEndedAt } = partition
      return {
        queue,
        partition: partition.partition,
        nextSeq: shelf[0]?.seq ?? nextSeq,
        ...(oldestAt !== undefined && { oldestAt }),
        ...(lastRowAt > 0 && { readAt: lastRowAt }),
        ...(lastEndedAt > 0 && { endedAt: Math.round(lastEndedAt + offset) }),
      }
    })
  }

  #cpuSince(): number {
    const used = process.cpuUsage(this.#cpu)
    const passedMs = performance.now() - this.#cpuAt
    this.#cpu = process.cpuUsage()
    this.#cpuAt = performance.now()
    return passedMs > 0 ? Math.round((used.user + used.system) / passedMs / 10) / 100 : 0
  }
}

function isBusy({ loaded, shelf }: OwnedPartition): boolean {
  return loaded > 0 || shelf.length > 0
}
