import { setTimeout as sleep } from 'node:timers/promises'
import { countBacklog } from '../store/backlog.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readNodeStandings, type NodeStanding } from '../store/node-reports.ts'
import {
  readBlockedCounts,
  readLaneCounts,
  readOldestUnread,
  readQueueFigures,
  stepLaneCount,
  readQueueDefinitions,
  type LaneCount,
  type QueueFigureRow,
} from '../store/queue-figures.ts'
import { readLastHour, type LastHour } from '../store/queue-statistics.ts'
import { readClock } from '../store/topology.ts'

/** How a queue stands, over all nodes. */
export interface QueueFigure extends QueueFigureRow {
  readonly ready: number
  readonly running: number
  readonly scheduled: number
  readonly held: number
  readonly deferred: number
  readonly broken: number
  readonly blockedKeys: number
  /** Since when the first of them is blocked, in milliseconds. */
  readonly blockedSince: number | undefined
  /** How long the oldest item has waited that waits for nothing but its turn. */
  readonly oldestAgeMs: number | undefined
}

/** How all queues and nodes stood at a moment. */
export interface Figures {
  /** By the database's clock, in milliseconds. */
  readonly at: number
  readonly queues: readonly QueueFigure[]
  readonly nodes: readonly NodeStanding[]
  /** What became of items in the last hour, by the number of their queue. */
  readonly hours: ReadonlyMap<number, LastHour>
  /** What is known to be run of queues, by any node. */
  readonly definitions: Awaited<ReturnType<typeof readQueueDefinitions>>
}

const keptMs = 1_500
/** Where little waits it has been counted by then. */
const firstWaitMs = 400
/** Queues whose backlog one statement has counted. */
const queuesAtOnce = 200

/** How queues stand: looked up at most every other second, however many ask; what has to be counted is counted meanwhile. */
export class QueueFigures {
  readonly #database: OpenDatabase
  #figures: Figures | undefined
  #readAt = -Infinity
  #reading: Promise<Figures> | undefined
  /** Raised by each change; and what it was when the look that is under way began. */
  #version = 0
  #readingOf = 0
  #counting: Promise<void> | undefined

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  /** Not older than two seconds, or as fresh as it can be had. */
  async read(): Promise<Figures> {
    // What was begun before something was changed may not show it.
    while (this.#reading && this.#readingOf !== this.#version) await this.#reading.catch(() => {})
    if (this.#figures && performance.now() - this.#readAt < keptMs) return this.#figures
    this.#readingOf = this.#version
    return (this.#reading ??= this.#look().finally(() => {
      this.#reading = undefined
    }))
  }

  /** Something has been changed: whoever asks next looks. */
  forget(): void {
    this.#readAt = -Infinity
    this.#version++
  }

  async #look(): Promise<Figures> {
    const version = this.#version
    const counted = (this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined
    }))
    // A count may take long where there is much: what is known is shown meanwhile, the first time soon.
    counted.catch(() => {})
    if (this.#figures === undefined)
      await Promise.race([counted, sleep(firstWaitMs, undefined, { ref: false })])
    const { driver, schema } = this.#database
    const nodes = await readNodeStandings(driver, schema)
    const reports = nodes.flatMap(({ isAlive, report }) => (isAlive && report ? [report] : []))
    const places = reports.flatMap(({ partitions }) => partitions)
    const rows = await readQueueFigures(driver, schema)
    const lanes = Map.groupBy(await readLaneCounts(driver, schema), ({ queue }) => queue)
    const blocked = await readBlockedCounts(driver, schema)
    const read = places.map(({ queue, partition, nextSeq }) => ({ queue, partition, seq: nextSeq }))
    const oldest = await readOldestUnread(driver, schema, read)
    for (const { queue, oldestAt } of places) note(oldest, queue, oldestAt)
    const running = new Map<number, number>()
    for (const { queues } of reports)
      for (const one of queues) running.set(one.queue, (running.get(one.queue) ?? 0) + one.running)
    const hours = new Map((await readLastHour(driver, schema)).map((hour) => [hour.queue, hour]))
    const definitions = await readQueueDefinitions(driver, schema)
    const at = await readClock(driver, schema)
    const queues = rows.map((row): QueueFigure => {
      const lane = lanes.get(row.queue) ?? []
      note(oldest, row.queue, lane.find(({ state }) => state === 'ready')?.oldestAt)
      const oldestAt = oldest.get(row.queue)
      const { count: blockedKeys = 0, since: blockedSince } = blocked.get(row.queue) ?? {}
      const counts = countsOf(row, lane, running.get(row.queue) ?? 0)
      const oldestAgeMs = oldestAt === undefined ? undefined : Math.max(0, at - oldestAt)
      return { ...row, ...counts, blockedKeys, blockedSince, oldestAgeMs }
    })
    if (version === this.#version) this.#readAt = performance.now()
    return (this.#figures = { at, queues, nodes, hours, definitions })
  }

  async #count(): Promise<void> {
    const { driver, schema } = this.#database
    await stepLaneCount(driver, schema)
    const numbers = (await readQueueFigures(driver, schema)).map(({ queue }) => queue)
    for (let from = 0; from < numbers.length; from += queuesAtOnce)
      await countBacklog(driver, schema, numbers.slice(from, from + queuesAtOnce))
  }
}

function note(oldest: Map<number, number>, queue: number, at: number | undefined): void {
  if (at === undefined) return
  const known = oldest.get(queue)
  if (known === undefined || at < known) oldest.set(queue, at)
}

/** The parts were counted at different moments, some of them seconds ago: what is left is never less than nothing. */
function countsOf({ waiting }: QueueFigureRow, lane: readonly LaneCount[], running: number) {
  const of = (wanted: string): number => lane.find(({ state }) => state === wanted)?.count ?? 0
  const scheduled = of('scheduled')
  const held = of('held')
  const deferred = of('deferred')
  const ready = Math.max(0, waiting - scheduled - held - deferred - running)
  return { ready, running, scheduled, held, deferred, broken: of('broken') }
}
