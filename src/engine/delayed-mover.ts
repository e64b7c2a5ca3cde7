import { createRowId, itemsPerRow } from '../base/ids.ts'
import type { WaitingRow } from '../store/waiting-items.ts'
import type { AppendRow } from '../stream/stream.ts'
import { maxRowSize } from './append-batch.ts'
import { moveEntry, type Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Settler } from './settler.ts'

/** Characters on their way into the log: more is not begun before these are settled. */
const maxMoving = 4_000_000

/** Moves delayed items whose time has come into the log: out of the lane, into a row and into the tracked items in one settle. */
export class DelayedMover {
  readonly #settler: Settler
  readonly #now: () => number
  #moving = 0

  constructor(settler: Settler, now: () => number) {
    this.#settler = settler
    this.#now = now
  }

  get isFull(): boolean {
    return this.#moving >= maxMoving
  }

  move(rows: readonly WaitingRow[], owned: ReadonlyMap<string, OwnedPartition>): void {
    const byPartition = Map.groupBy(rows, (row) => `${row.queue}/${row.partition}`)
    for (const [name, group] of byPartition) {
      const partition = owned.get(name)
      if (!partition || partition.lost || partition.isClosing) continue
      for (const some of split(group)) this.#moveSome(partition, some)
    }
  }

  #moveSome(partition: OwnedPartition, rows: readonly WaitingRow[]): void {
    const size = sizeOf(rows)
    this.#moving += size
    for (const row of rows) partition.moving.add(row.id)
    const appended: AppendRow = {
      queue: partition.queue,
      partition: partition.partition,
      generation: null,
      flush: createRowId(partition.queue, partition.partition, this.#now()),
      count: rows.length,
      text: `[${rows.map((row) => moveEntry(row.entry, row.id, row.enqueuedAt, row.attempts)).join(',')}]`,
    }
    const end = (): void => {
      this.#moving -= size
      for (const row of rows) {
        partition.moving.delete(row.id)
        partition.changedInLane?.add(row.id)
      }
    }
    this.#settler.note({
      partition,
      ranges: [],
      holesIn: [],
      holesOut: [],
      moved: {
        out: rows.map(({ id, version }) => ({ id, version })),
        rows: [appended],
        // Their ids do not lead to their log row: tracked, they are found all the same.
        tracked: new Map(rows.map((row) => [row.id, readyRow(row)])),
      },
      onSettled: () => {
        end()
        partition.hinted = true
      },
      onDropped: end,
    })
  }
}

/** As many as a row of the log takes. */
function split(rows: readonly WaitingRow[]): WaitingRow[][] {
  const parts: WaitingRow[][] = []
  let size = Infinity
  for (const row of rows) {
    const part = parts.at(-1)
    size += row.entry.length
    if (part && part.length < itemsPerRow && size <= maxRowSize) part.push(row)
    else {
      parts.push([row])
      size = row.entry.length
    }
  }
  return parts
}

function sizeOf(rows: readonly WaitingRow[]): number {
  return rows.reduce((size, row) => size + row.entry.length, 0)
}

function readyRow(row: WaitingRow): string {
  const entry = JSON.parse(row.entry) as Entry
  return JSON.stringify({
    id: row.id,
    q: row.queue,
    d: row.definition,
    k: row.key,
    state: 'ready',
    a: row.attempts,
    e: row.enqueuedAt,
    c: entry.c,
    i: entry.i,
  })
}
