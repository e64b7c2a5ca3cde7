import { setTimeout as wait } from 'node:timers/promises'
import { isCoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readProgress } from '../store/partitions.ts'
import { readClock } from '../store/topology.ts'
import { readLaneVersions } from '../store/waiting-items.ts'
import { isHeavy } from './gathered.ts'
import type { Lease } from './lease.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { SettlementBatch } from './settlement-batch.ts'

/** What it takes to find out what became of a settle that was refused, or whose answer was lost. */
export interface JudgeParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly lease: Lease
  readonly events: Events
  /** A partition turned out to belong to somebody else. */
  readonly onFenced: (partition: OwnedPartition) => void
}

/** What earlier tries of a batch, or of what it is a part of, have shown. */
export interface Tried {
  /** Some of its rows are there already. */
  readonly merge?: boolean
  /** One may have committed. */
  readonly ambiguous?: boolean
  /** How many took too long. */
  readonly timeouts?: number
}

/** After the fence refused: partitions that are no longer ours are lost; if all are ours, an earlier try has committed. */
export async function judgeFence(
  parts: JudgeParts,
  batch: SettlementBatch,
  ambiguous: boolean,
): Promise<'again' | 'wait' | 'committed'> {
  const { driver, schema } = parts.database
  let lost = false
  let isDone = true
  try {
    const ranges = batch.ranges()
    for (const partition of batch.partitions()) {
      const progress = await readProgress(
        driver,
        schema,
        partition,
        ranges.get(partition)?.toString() ?? '{}',
      )
      isDone &&= progress.done
      if (progress.owner === parts.bootId && progress.epoch === partition.epoch) continue
      lost = true
      parts.onFenced(partition)
    }
  } catch (error) {
    parts.events.emit('problem', { where: 'settle', error })
    return 'wait'
  }
  if (lost) return 'again'
  if (ambiguous && isDone) return 'committed'
  // Ours, and refused all the same: what memory holds is not what the database has. Begin again from there.
  for (const partition of batch.partitions()) parts.onFenced(partition)
  return 'again'
}

/** Whether a transaction of ours with an unknown end has committed: its positions are done, or its lane rows gone. */
export async function judgeCommit(parts: JudgeParts, batch: SettlementBatch): Promise<'committed' | 'again'> {
  const { driver, schema } = parts.database
  for (let attempt = 0; ; attempt++) {
    try {
      const ranges = batch.ranges()
      for (const partition of batch.partitions()) {
        const done = ranges.get(partition)?.toString() ?? '{}'
        const progress = await readProgress(driver, schema, partition, done)
        if (progress.owner !== parts.bootId || progress.epoch !== partition.epoch) parts.onFenced(partition)
        else if (done !== '{}') return progress.done ? 'committed' : 'again'
      }
      // All from the lane: the fence alone cannot tell; whoever repeats it meets CC003 if it was committed.
      const versions = await readLaneVersions(
        driver,
        schema,
        batch.items.map((work) => work.id),
      )
      return batch.items.every((work) => versions.get(work.id) === work.waiting?.version)
        ? 'again'
        : 'committed'
    } catch (error) {
      // Whatever became of it is thrown away: their node stops, and this must not keep its process.
      if (batch.partitions().every(({ lost }) => lost)) return 'again'
      parts.events.emit('problem', { where: 'settle', error })
      if (!parts.lease.isSafe) for (const partition of batch.partitions()) parts.onFenced(partition)
      await wait(Math.min(50 * 2 ** attempt, 500))
    }
  }
}

/**
 * Whether a settle that took too long, again, may be too much for one: the database answers others. One that cannot be made
 * smaller is not: then something else holds it up, and it is tried until that is over.
 */
export async function isTooMuch(
  { database }: JudgeParts,
  { size, items }: SettlementBatch,
): Promise<boolean> {
  if (size === 1 && !items.some(isHeavy)) return false
  try {
    await readClock(database.driver, database.schema)
    return true
  } catch {
    return false
  }
}

/**
 * Whether the database is to blame: it, or the lease, is away, or others held what was locked. Nothing has happened, unless it is ambiguous.
 * @param isOfWrite thrown while the items wrote: what takes too long or waits for a lock then is theirs
 */
export function isOfDatabase(error: unknown, isOfWrite: boolean): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return (
    isCoatcheckError(error, 'DATABASE_UNREACHABLE') ||
    isCoatcheckError(error, 'LEASE_LOST') ||
    code === '40001' ||
    code === '40P01' ||
    (!isOfWrite && (code === '55P03' || isCoatcheckError(error, 'DATABASE_TIMEOUT')))
  )
}
