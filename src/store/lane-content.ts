import type { Runner } from './driver.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'

const counts = statement(
  'waiting-counts',
  (schema) => `
  select
    exists (select from ${schema}.waiting_item w where w.queue = $1 and w.partition = $2 and w.key is not null and w.position is not null)
      or exists (select from ${schema}.broken_item b where b.blocks and b.queue = $1) as keyed,
    exists (select from ${schema}.waiting_item w where w.queue = $1 and w.partition = $2 and w.state in ('held', 'ready', 'deferred')) as startable`,
)

/** What the lane of a partition holds, for a new owner. `keyed`: rows of keys, or a key of its queue is blocked. */
export async function readLaneContent(
  runner: Runner,
  schema: string,
  name: PartitionName,
): Promise<{ keyed: boolean; startable: boolean }> {
  const [row] = await runner.run(counts(schema), [name.queue, name.partition])
  return { keyed: row?.['keyed'] === true, startable: row?.['startable'] === true }
}
