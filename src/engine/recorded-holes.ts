import type { OpenDatabase } from '../store/database.ts'
import { readHoles } from '../store/holes.ts'
import type { HoleVerdict, Stream, StreamRow } from '../stream/stream.ts'
import type { Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Reader } from './reader.ts'
import { waitingRow } from './settlement-rows.ts'
import type { Settler } from './settler.ts'

export interface RecordedHolesParts {
  readonly database: OpenDatabase
  readonly stream: Stream
  readonly settler: Settler
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly reader: Reader
  readonly onLate: (partition: OwnedPartition) => void
  /** What was found has been settled: it may be looked on. */
  readonly onSettled: () => void
}

const passMs = 500
/** Between two pages: there may be very many holes that stay open for as long as some transaction does. */
const pageMs = 25
const pageSize = 1_000
/**
 * Of late rows in one settle, which makes a row of the lane of each item: as much as a row of the log holds, and that is half a
 * second's work on a slow machine.
 */
const portion = { items: 4_096, bytes: 4_000_000 }

/**
 * Looks after holes that the watermark has passed: rows of the table `hole`, until they are filled, or dead. There may be very
 * many, since a transaction that stays open, also one of another database, keeps all holes open that came while it was. So none
 * of them is in memory, they are looked at page by page, and one page is settled before the next one is looked at. Of rows that
 * filled a portion goes into the lane with each settle, so that a large transaction that commits late holds nobody up for long.
 */
export class RecordedHoles {
  readonly #parts: RecordedHolesParts
  /** Those that this pass has still to look at, and behind which seq of the first of them it goes on. */
  #left: OwnedPartition[] = []
  #after = -1
  #nextPassAt = 0
  /** What was found is being settled. */
  #isSettling = false

  constructor(parts: RecordedHolesParts) {
    this.#parts = parts
  }

  /** Looks on, if it is time. @returns in how many milliseconds it wants to look again */
  async look(): Promise<number> {
    const now = performance.now()
    if (this.#isSettling) return passMs
    if (this.#left.length === 0) {
      if (now < this.#nextPassAt) return this.#nextPassAt - now
      this.#nextPassAt = now + passMs
      this.#left = [...this.#parts.owned.values()].filter(({ mayHaveHoles }) => mayHaveHoles)
      this.#after = -1
    }
    while (this.#left.length > 0) {
      const isFull = await this.#lookAt(this.#left[0] as OwnedPartition)
      if (this.#isSettling || isFull) return pageMs
    }
    return passMs
  }

  /** @returns whether a whole page was looked at */
  async #lookAt(partition: OwnedPartition): Promise<boolean> {
    if (partition.lost) {
      this.#goOn()
      return false
    }
    const { database, stream } = this.#parts
    const { queue, partition: number } = partition
    const isFirst = this.#after < 0
    // Before it is looked: what is recorded from now on says so again.
    if (isFirst) partition.mayHaveHoles = false
    try {
      const { driver, schema } = database
      const holes = await readHoles(driver, schema, partition, this.#after, pageSize)
      partition.mayHaveHoles ||= holes.length > 0
      const place = { queue, partition: number }
      const verdicts =
        holes.length === 0
          ? []
          : await stream.judgeHoles(
              holes.map((hole) => ({ ...place, ...hole })),
              portion,
            )
      if (!partition.lost) this.#end(partition, verdicts)
      // What did not fit is met again.
      const last = verdicts.find(({ state, row }) => state === 'filled' && !row)
      if (last) this.#after = last.seq - 1
      else if (holes.length === pageSize) this.#after = holes.at(-1)?.seq ?? -1
      else this.#goOn()
      return holes.length === pageSize
    } catch (error) {
      partition.mayHaveHoles = true
      this.#goOn()
      throw error
    }
  }

  #goOn(): void {
    this.#left.shift()
    this.#after = -1
  }

  /** The rows of those that are over go; what has filled them goes into the lane in the same settle. */
  #end(partition: OwnedPartition, verdicts: readonly HoleVerdict[]): void {
    const over = verdicts.filter(({ state, row }) => state === 'dead' || row)
    if (over.length === 0) return
    const late = over.flatMap(({ row }) => (row ? this.#lateRows(partition, row) : []))
    if (late.length > 0) partition.beginLanePut('set-aside')
    this.#isSettling = true
    const end = (): void => {
      this.#isSettling = false
      this.#parts.onSettled()
    }
    this.#parts.settler.note({
      partition,
      ranges: [],
      holesIn: [],
      holesOut: over.map(({ seq }) => seq),
      waitingIn: late,
      onSettled: () => {
        if (late.length > 0) {
          partition.lanePutsUnderWay--
          this.#parts.onLate(partition)
        }
        end()
      },
      onDropped: end,
    })
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
