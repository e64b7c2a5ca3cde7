import { createRowId } from '../../src/base/ids.ts'
import type { Tx } from '../../src/base/tx.ts'
import type { AppendRow, Stream, StreamRow } from '../../src/stream/stream.ts'

export interface StreamSubject {
  readonly stream: Stream
  /** The same log, as another process sees it. */
  readonly elsewhere: Stream
  /** A queue that nobody else uses, in generation 1. @returns its number */
  makeQueue(partitions: number): Promise<number>
  /** Opens a transaction beside the streams; undefined where only one can be open at a time. */
  readonly begin: (() => Promise<{ tx: Tx; end: (how: 'commit' | 'rollback') => Promise<void> }>) | undefined
  /** Moves the stream's clock. */
  advance(milliseconds: number): Promise<void>
  /** Notes that a seq is a hole, so that its row must stay. */
  recordHole(queue: number, partition: number, seq: number): Promise<void>
  close(): Promise<void>
}

export const awkward = 'é😀"\\ \' {},NULL,\\n \u2028'

export const plenty = { items: 1_000_000, bytes: 100_000_000 }

/** A row of generation 1, with an id that nobody else has. */
export function rowFor(queue: number, items: readonly unknown[], partition = 0): AppendRow {
  return {
    queue,
    partition,
    generation: 1,
    flush: createRowId(queue, partition, 1_700_000_000_000),
    count: items.length,
    text: `[${items.map((item) => JSON.stringify(item)).join(',')}]`,
  }
}

export function itemsOf(rows: readonly StreamRow[]): unknown[] {
  return rows.flatMap(({ text }) => JSON.parse(text) as unknown[])
}
