import type { Tx } from '../base/tx.ts'

/** A batch of items on its way into one partition. */
export interface AppendRow {
  readonly queue: number
  readonly partition: number
  /** The generation of the queue's partitions that the caller counted with; null: the partition's owner appends, in its settle. */
  readonly generation: number | null
  /** The row's id: the same one sent again is accepted once. */
  readonly flush: string
  readonly count: number
  /** JSON array of `count` entries. */
  readonly text: string
}

export interface StreamRow {
  readonly queue: number
  readonly partition: number
  readonly seq: number
  readonly flush: string
  readonly count: number
  /** When it was appended: milliseconds, by the stream's clock. */
  readonly at: number
  readonly text: string
}

/** Rows of one partition that a read gives at most. */
export const rowsAtOnce = 64

export interface ReadRequest {
  readonly queue: number
  readonly partition: number
  /** The first seq wanted. */
  readonly from: number
}

/** A seq that was missing when a later one was there. */
export interface Hole {
  readonly queue: number
  readonly partition: number
  readonly seq: number
  /** A transaction id taken after the hole was seen; without it the hole cannot be judged yet. */
  readonly mark: string
}

export interface HoleVerdict {
  readonly queue: number
  readonly partition: number
  readonly seq: number
  /** `filled`: its row is there now; `dead`: it never will be; `open`: the transaction that took it may still commit. */
  readonly state: 'filled' | 'dead' | 'open'
  /** Of those that are filled, as far as the limits go: for the others it has to be asked again. */
  readonly row?: StreamRow
}

/**
 * A partitioned, append-only log of batches. It knows nothing of handlers, owners or keys. A position is
 * seq · 4096 + index in the row.
 */
export interface Stream {
  /**
   * Appends rows; they are durable when it returns, or with the commit of `tx`.
   * @param options.notAfter the stream's time in ms after which the append must refuse itself (an ambiguous one sent again)
   * @param options.timeoutMs its deadline, where it runs in no `tx`
   * @param options.again the rows were sent before, and the answer was lost
   * @returns the stream's time in milliseconds
   * @throws an error with the code `CC001` where the partitions of a queue are not those of the rows any more: then nothing was
   * appended, and of rows that were sent before nothing ever will be. A `tx` goes on.
   */
  append(
    rows: readonly AppendRow[],
    options?: {
      readonly tx?: Tx
      readonly notAfter?: number
      readonly timeoutMs?: number
      readonly again?: boolean
    },
  ): Promise<number>
  /** Reads on in several partitions at once, each in order of seq, up to about `items` and `bytes` in all. */
  read(
    requests: readonly ReadRequest[],
    limits: { readonly items: number; readonly bytes: number },
  ): Promise<StreamRow[]>
  /** A mark for holes seen before this call. */
  markHoles(): Promise<string>
  /**
   * Says what has become of holes, in the order given, with the rows of those that are filled: the first one, and the next ones
   * up to `items` and `bytes` in all. No rows where `items` is 0.
   */
  judgeHoles(
    holes: readonly Hole[],
    limits: { readonly items: number; readonly bytes: number },
  ): Promise<HoleVerdict[]>
  /** Sends the hints that wait to be sent. */
  close(): Promise<void>
  /**
   * Says that something came; a hint that may be lost. Hints to the same place are gathered.
   * @param free says that the places have no owner now, and may be taken
   */
  hint(places: readonly { readonly queue: number; readonly partition: number }[], free?: boolean): void
  /** Tells of hints, also from other processes, until stopped. */
  onHint(listener: (queue: number, partition: number, free: boolean) => void): Promise<() => Promise<void>>
  /** Deletes what lies before a seq and is older than the grace (2 minutes), at most `limit` rows. @returns how many went */
  trim(queue: number, partition: number, before: number, limit: number): Promise<number>
}
