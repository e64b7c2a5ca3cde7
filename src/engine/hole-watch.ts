import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { HoleVerdict, Stream, StreamRow } from '../stream/stream.ts'
import type { Entry } from './entry.ts'
import type { OwnedPartition, SeenHole } from './owned-partition.ts'
import type { Reader } from './reader.ts'
import { waitingRow } from './settlement-rows.ts'
import type { Settler } from './settler.ts'

export interface HoleWatchParts {
  readonly stream: Stream
  readonly settler: Settler
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly reader: Reader
  /** Items of a late row lie in the lane now, and wait for nothing but to be started. */
  readonly onLate: (partition: OwnedPartition) => void
}

/** How long the watermark waits for a hole before it passes it. */
const patienceMs = 1_000

/**
 * Finds out what becomes of missing seqs (rule 2). A hole is dead only if one statement both finds no row and shows that
 * every transaction older than a mark taken after the hole was seen has ended.
 */
export class HoleWatch implements Part {
  readonly #parts: HoleWatchParts
  readonly #loop: Loop
  /** One look at a time: two would take the same row. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: HoleWatchParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'holes', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  wake(): void {
    this.#loop.wake(5)
  }

  async tick(): Promise<number> {
    if (this.#open().length === 0) return 1_000
    await this.#inTurn(() => this.#look(this.#open()))
    const left = this.#open()
    if (left.length === 0) return 1_000
    return left.some(({ hole }) => !hole.recorded) ? 25 : 500
  }

  /**
   * Takes what has filled the holes of a partition, before what was read behind them is offered: a row that was there before
   * another one was sent comes before it, though a later seq than its own was seen first.
   */
  async fill(partition: OwnedPartition): Promise<void> {
    const isMine = (one: { partition: OwnedPartition; hole: SeenHole }): boolean =>
      one.partition === partition && !one.hole.recorded
    if (!this.#open().some(isMine)) return
    await this.#inTurn(() => this.#look(this.#open().filter(isMine)))
  }

  #inTurn(look: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(look)
    this.#turn = mine.catch(() => {})
    return mine
  }

  async #look(open: readonly { partition: OwnedPartition; hole: SeenHole }[]): Promise<void> {
    if (open.length === 0) return
    if (open.some(({ hole }) => hole.mark === undefined)) {
      const mark = await this.#parts.stream.markHoles()
      for (const { hole } of open) hole.mark ??= mark
    }
    const verdicts = await this.#parts.stream.judgeHoles(
      open.map(({ partition, hole }) => ({
        queue: partition.queue,
        partition: partition.partition,
        seq: hole.seq,
        mark: hole.mark as string,
      })),
    )
    for (const verdict of verdicts) await this.#act(verdict)
  }

  #open(): { partition: OwnedPartition; hole: SeenHole }[] {
    const open: { partition: OwnedPartition; hole: SeenHole }[] = []
    for (const partition of this.#parts.owned.values())
      for (const hole of partition.holes.values())
        if (!hole.settling && !partition.lost) open.push({ partition, hole })
    return open
  }

  async #act(verdict: HoleVerdict): Promise<void> {
    const partition = this.#parts.owned.get(`${verdict.queue}/${verdict.partition}`)
    const hole = partition?.holes.get(verdict.seq)
    if (!partition || !hole || hole.settling || partition.lost) return
    const { settler, reader } = this.#parts
    const range = { start: hole.seq * itemsPerRow, end: (hole.seq + 1) * itemsPerRow }
    const forget = (): void => void partition.holes.delete(hole.seq)
    if (hole.recorded) {
      if (verdict.state === 'open') return
      hole.settling = true
      const late = verdict.row ? this.#lateRows(partition, verdict.row) : []
      if (late.length > 0) partition.beginLanePut('set-aside')
      settler.note({
        partition,
        ranges: [],
        holesIn: [],
        holesOut: [hole.seq],
        waitingIn: late,
        onSettled: () => {
          forget()
          if (late.length === 0) return
          partition.lanePutsUnderWay--
          this.#parts.onLate(partition)
        },
      })
      return
    }
    if (verdict.row) {
      await reader.takeLate(verdict.row)
      forget()
    } else if (verdict.state === 'dead') {
      hole.settling = true
      settler.note({ partition, ranges: [range], holesIn: [], holesOut: [], onSettled: forget })
    } else if (performance.now() - hole.seenAt > patienceMs) {
      hole.settling = true
      settler.note({
        partition,
        ranges: [range],
        holesIn: [{ seq: hole.seq, mark: hole.mark as string }],
        holesOut: [],
        onSettled: () => {
          hole.recorded = true
          hole.settling = false
        },
      })
    }
  }

  /** The watermark has passed the row: its items go to the lane in the settle that removes the hole. */
  #lateRows(partition: OwnedPartition, row: StreamRow): string[] {
    const entries = JSON.parse(row.text) as (Entry | null)[]
    const now = performance.now()
    return entries.flatMap((entry, index) =>
      entry === null
        ? []
        : [waitingRow(this.#parts.reader.lateItem(partition, row, index, entry), 'ready', now)],
    )
  }
}
