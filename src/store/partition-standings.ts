import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** A partition as an operator sees it. Times in milliseconds. */
export interface PartitionStanding {
  readonly partition: number
  readonly generation: number
  readonly owner: { readonly node: string; readonly bootId: string } | undefined
  /** Items in its log that have not ended, as last counted. */
  readonly lag: number
  readonly watermark: number
  /** When the last row was written that its log still has. */
  readonly lastEnqueuedAt: number | undefined
}

const select = statement(
  'partition-standings',
  (schema) => `
  select p.partition, p.generation, p.owner, n.name as node, p.watermark, greatest(0, coalesce(k.waiting - k.in_lane, 0)) as lag,
    ${schema}.epoch_ms(l.at) as last_enqueued_at
  from ${schema}.partition p
  left join ${schema}.node n on n.boot_id = p.owner and n.lease_until > ${schema}.clock()
  left join ${schema}.backlog k on k.queue = p.queue and k.partition = p.partition
  left join lateral (
    select log.at
    from ${schema}.log
    where log.queue = p.queue and log.partition = p.partition
    order by log.seq desc
    limit 1
  ) as l on true
  where p.queue = $1
  order by p.partition`,
)

/** The partitions of a queue, of all generations that are there; at most 4,096. */
export async function readPartitionStandings(
  runner: Runner,
  schema: string,
  queue: number,
): Promise<PartitionStanding[]> {
  const rows = await runner.run(select(schema), [queue])
  return rows.map((row) => ({
    partition: row['partition'] as number,
    generation: row['generation'] as number,
    owner: row['node'] === null ? undefined : { node: row['node'] as string, bootId: row['owner'] as string },
    lag: Number(row['lag']),
    watermark: Number(row['watermark']),
    lastEnqueuedAt: (row['last_enqueued_at'] as number | null) ?? undefined,
  }))
}
