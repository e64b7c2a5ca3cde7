import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Runner } from '../store/driver.ts'
import { repartitionQueue, type Repartitioned } from '../store/generations.ts'

/** Partition numbers that a queue has in all its life: ids have 12 bits for them. */
export const maxPartitions = 4096

/** What goes with a new number of partitions, in its transaction. */
export type AlongWithPartitions = (made: Repartitioned, runner: Runner) => Promise<void>

/**
 * Gives a queue another number of partitions.
 * @param along done in the same transaction, where it has another number then
 * @throws CoatcheckError `OPTION_INVALID`, `UNKNOWN_QUEUE`, `PARTITIONS_USED_UP`
 */
export async function repartition(
  { driver, schema }: OpenDatabase,
  queue: string,
  partitions: number,
  along?: AlongWithPartitions,
): Promise<Repartitioned> {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > maxPartitions)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `partitions is ${showValue(partitions)}; give a whole number from 1 to ${maxPartitions}`,
    )
  const unknown = (): CoatcheckError =>
    new CoatcheckError('UNKNOWN_QUEUE', `there is no queue ${showValue(queue)} in the schema "${schema}"`)
  // no name holds what the database cannot
  if (queue.includes('\0') || !queue.isWellFormed()) throw unknown()
  try {
    // It waits for the queue's row as long as the statement may take, as it does without a transaction.
    const made = await driver.transaction(
      async (tx) => {
        const changed = await repartitionQueue(tx, schema, queue, partitions)
        if (changed?.changed) await along?.(changed, tx)
        return changed
      },
      { lockTimeoutMs: 60_000 },
    )
    if (made) return made
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'CC020') throw error
    const { message } = error as Error
    throw new CoatcheckError(
      'PARTITIONS_USED_UP',
      `${message.replace(/^coatcheck: /, '')}; a number is never used again: take fewer, or give the definitions a new queue`,
      { cause: error },
    )
  }
  throw unknown()
}
