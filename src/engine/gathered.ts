import { CoatcheckError } from '../base/errors.ts'
import { showNumber } from '../base/shown-value.ts'
import type { AppendBatch } from './append-batch.ts'
import type { MovedItems } from './place-again.ts'
import type { WorkItem } from './work-item.ts'

/** What an attempt has enqueued, until it goes with its settle. */
export interface Gathered {
  readonly rows: AppendBatch
  readonly delayed: string[]
  /** Characters of `delayed`. */
  delayedSize: number
  /** How many for each queue, by its number. */
  readonly counts: Map<number, number>
  /** In place of `rows`, where the partitions have changed since. */
  moved?: MovedItems
}

/**
 * What one attempt may enqueue, and all attempts of one settle together, which must end in time on a slow machine. One item may
 * go beyond the characters.
 */
const gatherLimits = { items: 50_000, size: 16_000_000 }
/** Each delayed one becomes a row of the lane, where the others share rows of the log: it counts for so many. */
const delayedCounts = 10

/** An outcome that carries more may be too much for a settle by itself. */
const heavy = { items: 10_000, size: 1_000_000 }

function countOf({ rows, delayed }: Gathered): number {
  return rows.count + delayedCounts * delayed.length
}

function sizeOf({ rows, delayedSize }: Gathered): number {
  return rows.size + delayedSize
}

/**
 * Whether an attempt may enqueue another item.
 * @throws CoatcheckError `OUTCOME_TOO_LARGE`
 */
export function checkRoom(gathered: Gathered, size: number, isDelayed: boolean): void {
  const count = countOf(gathered) + (isDelayed ? delayedCounts : 1)
  const isFirst = gathered.rows.count + gathered.delayed.length === 0
  if (isFirst || (count <= gatherLimits.items && sizeOf(gathered) + size <= gatherLimits.size)) return
  const { rows, delayed } = gathered
  const items = showNumber(gatherLimits.items)
  const characters = showNumber(gatherLimits.size)
  throw new CoatcheckError(
    'OUTCOME_TOO_LARGE',
    `one attempt enqueues at most ${items} items, a delayed one counting for ${delayedCounts}, with ${characters} characters; this one has enqueued ${showNumber(rows.count)} and ${showNumber(delayed.length)} delayed ones with ${showNumber(sizeOf(gathered))} characters. Enqueue a few items that enqueue the rest, or use node.enqueueMany, which does not wait for the attempt to succeed`,
  )
}

/** The part of the limits that is used, of `whole`. */
export function shareOf({ attempt }: WorkItem, whole: number): number {
  const gathered = attempt?.gathered
  if (!gathered) return 0
  const { items, size } = gatherLimits
  return Math.floor(Math.max(countOf(gathered) / items, sizeOf(gathered) / size) * whole)
}

/**
 * Whether an outcome carries so much that it may be too much for a settle by itself. Then it may still fail, so what comes after
 * it in its key waits until it is stored.
 */
export function isHeavy({ outcome, attempt }: WorkItem): boolean {
  if (outcome?.kind !== 'succeeded') return false
  const resultSize = outcome.result?.length ?? 0
  const gathered = attempt?.gathered
  if (!gathered) return resultSize > heavy.size
  return resultSize + sizeOf(gathered) > heavy.size || countOf(gathered) > heavy.items
}

/** Whether nothing that its settle carries can make it fail. */
export function isPlainSuccess(work: WorkItem): boolean {
  return work.outcome?.kind === 'succeeded' && !work.attempt?.writes && !isHeavy(work)
}

/** The room for what the items of one settle have enqueued. */
export class GatherRoom {
  #items = gatherLimits.items
  #size = gatherLimits.size
  #isUsed = false

  /** @returns whether there was room for this item: for the first one always */
  take({ attempt }: WorkItem): boolean {
    const gathered = attempt?.gathered
    if (!gathered) return true
    const count = countOf(gathered)
    const size = sizeOf(gathered)
    if (this.#isUsed && (count > this.#items || size > this.#size)) return false
    this.#isUsed = true
    this.#items -= count
    this.#size -= size
    return true
  }
}
