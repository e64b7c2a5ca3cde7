import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

export interface PartitionName {
  readonly queue: number
  readonly partition: number
}

export interface OwnerRow extends PartitionName {
  readonly owner: string | undefined
  /** Whether the owner's lease runs. */
  readonly alive: boolean
}

const selectOwners = statement(
  'partition-owners',
  (schema) => `
  select p.queue, p.partition, p.owner, n.boot_id is not null as alive
  from ${schema}.partition p
  left join ${schema}.node n on n.boot_id = p.owner and n.lease_until > ${schema}.clock()`,
)

export async function readOwners(runner: Runner, schema: string): Promise<OwnerRow[]> {
  const rows = await runner.run(selectOwners(schema))
  return rows.map((row) => ({
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    owner: (row['owner'] as string | null) ?? undefined,
    alive: row['alive'] as boolean,
  }))
}

/** What a new owner is told: where its predecessors stopped. */
export interface AcquiredRow extends PartitionName {
  readonly generation: number
  readonly epoch: number
  /** Ranges of positions, as `[start, end)` pairs, that are done. */
  readonly done: readonly (readonly [number, number])[]
  readonly indexedTo: number
}

// The owner is compared again in the update: of two nodes that found it dead only one gets it.
const acquire = statement(
  'acquire-partitions',
  (schema) => `
  update ${schema}.partition p
  set owner = $1, epoch = nextval('${schema}.epoch')
  from (
    select p.queue, p.partition
    from ${schema}.partition p
    join json_to_recordset($2) as w(queue int, partition int) using (queue, partition)
    where p.owner is null or p.owner = $1 or not exists (
      select from ${schema}.node n where n.boot_id = p.owner and n.lease_until > ${schema}.clock()
    )
    order by p.queue, p.partition
    for update of p
  ) as free
  where p.queue = free.queue and p.partition = free.partition
    and exists (select from ${schema}.node n where n.boot_id = $1 and n.lease_until > ${schema}.clock())
  returning p.queue, p.partition, p.generation, p.epoch, p.done, p.indexed_to`,
)

/** Takes the partitions that nobody alive owns. What the new owner needs else is read in statements begun after this one. */
export async function acquirePartitions(
  runner: Runner,
  schema: string,
  bootId: string,
  wanted: readonly PartitionName[],
): Promise<AcquiredRow[]> {
  const rows = await runner.run(acquire(schema), [bootId, JSON.stringify(wanted)])
  return rows.map((row) => ({
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    generation: row['generation'] as number,
    epoch: Number(row['epoch']),
    done: readRanges(row['done'] as string),
    indexedTo: Number(row['indexed_to']),
  }))
}

const release = statement(
  'release-partitions',
  (schema) => `
  update ${schema}.partition p
  set owner = null
  from json_to_recordset($2) as w(queue int, partition int, epoch bigint)
  where p.queue = w.queue and p.partition = w.partition and p.owner = $1 and p.epoch = w.epoch`,
)

export async function releasePartitions(
  runner: Runner,
  schema: string,
  bootId: string,
  held: readonly (PartitionName & { epoch: number })[],
): Promise<void> {
  await runner.run(release(schema), [bootId, JSON.stringify(held)])
}

const selectProgress = statement(
  'partition-progress',
  (schema) => `
  select p.owner, p.epoch, p.done @> $3::int8multirange as done
  from ${schema}.partition p
  where p.queue = $1 and p.partition = $2`,
)

/** After an ambiguous settle: whether the partition is still ours, and whether the positions are done. */
export async function readProgress(
  runner: Runner,
  schema: string,
  name: PartitionName,
  ranges: string,
): Promise<{ owner: string | null; epoch: number; done: boolean }> {
  const [row] = await runner.run(selectProgress(schema), [name.queue, name.partition, ranges])
  return {
    owner: (row?.['owner'] as string | null) ?? null,
    epoch: Number(row?.['epoch'] ?? -1),
    done: row?.['done'] === true,
  }
}

/** Reads a multirange such as `{[0,4096),[8192,8193)}`. */
function readRanges(text: string): (readonly [number, number])[] {
  return Array.from(
    text.matchAll(/\[(\d+),(\d+)\)/g),
    (match) => [Number(match[1]), Number(match[2])] as const,
  )
}
