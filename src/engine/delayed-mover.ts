import { createRowId, itemsPerRow } from '../base/ids.ts'
import type { WaitingRow } from '../store/waiting-items.ts'
import type { AppendRow } from '../stream/stream.ts'
import { moveEntry, type Entry } from './entry.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Settler } from './settler.ts'
import type { Topology } from './topology.ts'

/** Moves delayed items whose time has come into the log: out of the lane, into a row and into the tracked items in one settle. */
export class DelayedMover {
  readonly #topology: Topology
  readonly #settler: Settler
  readonly #now: () => number

  constructor(topology: Topology, settler: Settler, now: () => number) {
    this.#topology = topology
    this.#settler = settler
    this.#now = now
  }

  move(rows: readonly WaitingRow[], owned: ReadonlyMap<string, OwnedPartition>): void {
    const byPartition = Map.groupBy(rows, (row) => `${row.queue}/${row.partition}`)
    for (const [name, group] of byPartition) {
      const partition = owned.get(name)
      const queue = partition && this.#topology.byNumber(partition.queue)
      if (!partition || !queue || partition.lost) continue
      for (let at = 0; at < group.length; at += itemsPerRow)
        this.#moveSome(partition, queue.generation, group.slice(at, at + itemsPerRow))
    }
  }

  #moveSome(partition: OwnedPartition, generation: number, rows: readonly WaitingRow[]): void {
    for (const row of rows) partition.moving.add(row.id)
    const appended: AppendRow = {
      queue: partition.queue,
      partition: partition.partition,
      generation,
      flush: createRowId(partition.queue, partition.partition, this.#now()),
      count: rows.length,
      text: `[${rows.map((row) => moveEntry(row.entry, row.id, row.enqueuedAt, row.attempts)).join(',')}]`,
    }
    const end = (): void => {
      for (const row of rows) partition.moving.delete(row.id)
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
