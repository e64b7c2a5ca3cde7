import type { Runner } from './driver.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'

const holesOf = statement(
  'holes',
  (schema) => `
  select seq, xid::text as mark
  from ${schema}.hole
  where queue = $1 and partition = $2 and seq > $3
  order by seq
  limit $4`,
)

/** The next holes of a partition that the watermark has passed, behind a seq, in order. */
export async function readHoles(
  runner: Runner,
  schema: string,
  { queue, partition }: PartitionName,
  after: number,
  limit: number,
): Promise<{ seq: number; mark: string }[]> {
  const rows = await runner.run(holesOf(schema), [queue, partition, after, limit])
  return rows.map((row) => ({ seq: Number(row['seq']), mark: row['mark'] as string }))
}
