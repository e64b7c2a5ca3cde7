import type { Events } from '../base/events.ts'
import { itemsPerRow } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Stream } from '../stream/stream.ts'
import type { OwnedPartition, SeenHole } from './owned-partition.ts'
import type { Reader } from './reader.ts'
import { RecordedHoles } from './recorded-holes.ts'
import type { Settler } from './settler.ts'

export interface HoleWatchParts {
  readonly database: OpenDatabase
  readonly stream: Stream
  readonly settler: Settler
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly reader: Reader
  /** Items of late rows lie in the lane now, and wait for nothing but to be started. */
  readonly onLate: (partition: OwnedPartition) => void
}

/** How long the watermark waits for a hole before it passes it. */
const patienceMs = 1_000
const freshMs = 25
const idleMs = 1_000
/** Of filled rows in one answer. */
const rowsAtOnce = { items: 4_096, bytes: 8_000_000 }

interface OpenHole {
  readonly partition: OwnedPartition
  readonly hole: SeenHole
}

/**
 * Finds out what becomes of missing seqs (rule 2). A hole is dead only if one statement both finds no row and shows that
 * every transaction older than a mark taken after the hole was seen has ended. One that is still open after a second becomes
 * a row, which `RecordedHoles` looks after.
 */
export class HoleWatch implements Part {
  readonly #parts: HoleWatchParts
  readonly #recorded: RecordedHoles
  readonly #loop: Loop
  /** One look at a time: two would take the same row. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: HoleWatchParts) {
    this.#parts = parts
    this.#recorded = new RecordedHoles({ ...parts, onSettled: () => this.#loop.wake() })
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
    if (this.#open().length > 0) await this.#inTurn(() => this.#look(() => this.#open()))
    const recordedMs = await this.#recorded.look()
    return Math.min(recordedMs, this.#open().length > 0 ? freshMs : idleMs)
  }

  /**
   * Takes what has filled the holes of a partition, before what was read behind them is offered: a row that was there before
   * another one was sent comes before it, though a later seq than its own was seen first.
   */
  async fill(partition: OwnedPartition): Promise<void> {
    const mine = (): OpenHole[] => this.#open().filter((one) => one.partition === partition)
    if (mine().length > 0) await this.#inTurn(() => this.#look(mine))
  }

  #inTurn(look: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(look)
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** All that has filled is taken, so much at a time. */
  async #look(choose: () => OpenHole[]): Promise<void> {
    let hasMore = true
    while (hasMore) {
      const open = choose()
      if (open.length === 0) return
      hasMore = await this.#lookAt(open)
    }
  }

  /** @returns whether there are rows that have not been taken */
  async #lookAt(open: readonly OpenHole[]): Promise<boolean> {
    const { stream, reader, owned } = this.#parts
    if (open.some(({ hole }) => hole.mark === undefined)) {
      const mark = await stream.markHoles()
      for (const { hole } of open) hole.mark ??= mark
    }
    const verdicts = await stream.judgeHoles(
      open.map(({ partition, hole }) => ({
        queue: partition.queue,
        partition: partition.partition,
        seq: hole.seq,
        mark: hole.mark as string,
      })),
      rowsAtOnce,
    )
    let hasMore = false
    const dead: OpenHole[] = []
    const old: OpenHole[] = []
    for (const { queue, partition: number, seq, state, row } of verdicts) {
      const partition = owned.get(`${queue}/${number}`)
      const hole = partition?.holes.get(seq)
      if (!partition || !hole || hole.settling || partition.lost) continue
      if (row) {
        await reader.takeLate(row)
        partition.holes.delete(seq)
      } else if (state === 'filled') hasMore = true
      else if (state === 'dead') dead.push({ partition, hole })
      else if (performance.now() - hole.seenAt > patienceMs) old.push({ partition, hole })
    }
    this.#settle(dead, false)
    this.#settle(old, true)
    return hasMore
  }

  /** The watermark passes these: they are dead, or become rows. */
  #settle(passed: readonly OpenHole[], recorded: boolean): void {
    for (const [partition, some] of Map.groupBy(passed, (one) => one.partition)) {
      const holes = some.map(({ hole }) => hole)
      for (const hole of holes) hole.settling = true
      this.#parts.settler.note({
        partition,
        ranges: holes.map(({ seq }) => ({ start: seq * itemsPerRow, end: (seq + 1) * itemsPerRow })),
        holesIn: recorded ? holes.map(({ seq, mark }) => ({ seq, mark: mark as string })) : [],
        holesOut: [],
        onSettled: () => {
          for (const { seq } of holes) partition.holes.delete(seq)
          if (!recorded) return
          partition.mayHaveHoles = true
          this.#loop.wake(freshMs)
        },
      })
    }
  }

  #open(): OpenHole[] {
    const open: OpenHole[] = []
    for (const partition of this.#parts.owned.values())
      for (const hole of partition.holes.values())
        if (!hole.settling && !partition.lost) open.push({ partition, hole })
    return open
  }
}
