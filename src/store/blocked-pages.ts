import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** A key that a broken item blocks, and how much waits behind it. */
export interface BlockedKeyStanding {
  readonly id: string
  /** Milliseconds. */
  readonly since: number
  /** Counts to 100. */
  readonly waiting: number
  readonly isAtLeast: boolean
}

const maxCounted = 100

// What waits lies in the lane of whatever partition the key has now.
const page = statement(
  'blocked-keys-of-queue',
  (schema) => `
  select b.id, ${schema}.epoch_ms(b.broken_at) as since, waiting.n
  from (
    select *
    from ${schema}.broken_item
    where broken_item.blocks and broken_item.queue = $1 and broken_item.id > $2::uuid
    order by broken_item.id
    limit $3
  ) as b
  cross join lateral (
    select count(*) as n
    from (
      select
      from ${schema}.partition p
      join ${schema}.waiting_item w on w.queue = p.queue and w.partition = p.partition
      where p.queue = b.queue and w.scope = b.scope and w.key = b.key and w.position is not null
      limit ${maxCounted + 1}
    ) as limited
  ) as waiting
  order by b.id`,
)

/** Keys of a queue that are blocked, by the ids of the items that block them, behind `after`. */
export async function readBlockedPage(
  runner: Runner,
  schema: string,
  queue: number,
  after: string | undefined,
  limit: number,
): Promise<BlockedKeyStanding[]> {
  const first = '00000000-0000-0000-0000-000000000000'
  const rows = await runner.run(page(schema), [queue, after ?? first, limit])
  return rows.map((row) => ({
    id: row['id'] as string,
    since: row['since'] as number,
    waiting: Math.min(Number(row['n']), maxCounted),
    isAtLeast: Number(row['n']) > maxCounted,
  }))
}
