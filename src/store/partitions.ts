import type { Runner } from './driver.ts'
import type { QueueSetting, QueueState } from './queue-control.ts'
import { statement } from './statement.ts'

export interface PartitionName {
  readonly queue: number
  readonly partition: number
}

/** A partition, who has it, and what has been set for its queue. */
export interface OwnerRow extends PartitionName, QueueSetting {
  readonly owner: string | undefined
  /** Whether the owner's lease runs. */
  readonly alive: boolean
  readonly generation: number
  /** Its queue has a newer one. */
  readonly isOld: boolean
  /** It may be run: all partitions of older generations are drained. */
  readonly isOpen: boolean
}

// The table is read once: while a snapshot is held open it has all versions that settles have made of each row.
const selectOwners = statement(
  'partition-owners',
  (schema) => `
  select p.queue, p.partition, p.owner, n.boot_id is not null as alive, p.generation, p.generation < q.generation as is_old,
    p.generation = min(p.generation) filter (where p.drained_at is null) over (partition by p.queue)
      or p.drained_at is not null as is_open,
    coalesce(c.state, 'running') as state, c.per_node, coalesce(c.restarts, 0) as restarts,
    t.queue is not null as is_traced
  from ${schema}.partition p
  join ${schema}.queue q on q.number = p.queue
  left join ${schema}.queue_control c on c.queue = p.queue
  left join (select distinct queue from ${schema}.trace where until > ${schema}.clock()) t on t.queue = p.queue
  left join ${schema}.node n on n.boot_id = p.owner and n.lease_until > ${schema}.clock()`,
)

export async function readOwners(runner: Runner, schema: string): Promise<OwnerRow[]> {
  const rows = await runner.run(selectOwners(schema))
  return rows.map((row) => ({
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    owner: (row['owner'] as string | null) ?? undefined,
    alive: row['alive'] as boolean,
    generation: row['generation'] as number,
    isOld: row['is_old'] as boolean,
    isOpen: row['is_open'] as boolean,
    state: row['state'] as QueueState,
    perNode: (row['per_node'] as number | null) ?? undefined,
    restarts: row['restarts'] as number,
    isTraced: row['is_traced'] as boolean,
  }))
}

/** What a new owner is told: where its predecessors stopped. */
export interface AcquiredRow extends PartitionName {
  readonly generation: number
  readonly epoch: number
  /** Ranges of positions, as `[start, end)` pairs, that are done. */
  readonly done: readonly (readonly [number, number])[]
  readonly indexedTo: number
  /** Nothing at or beyond this position may be started before the bound is moved. */
  readonly readTo: number
  /** Its owner died, now or before, and what that one may have been running has not all ended. */
  readonly isUnclean: boolean
  /** What is suspected stands before this position, or in the lane. */
  readonly suspectTo: number
  /** The owner that died just now without giving it back. */
  readonly takenFrom: string | undefined
  /** Of an older generation: all that its log showed is done, and its lane is being moved on, or has been. */
  readonly isClosed: boolean
}

/** How far beyond the watermark a new owner may start items before it has to say so: 16 rows. */
const firstStride = 16 * 4096

// The owner is compared again in the update: of two nodes that found it dead only one gets it. Who gives a partition back
// leaves no owner: where one stands there it died, or it is this very node, which knows whether a handler had held it up. What
// a dead owner can have started lies before its bound, and before the end of the log; for a node without traffic that is less.
const acquire = statement(
  'acquire-partitions',
  (schema) => `
  update ${schema}.partition p
  set owner = $1, epoch = nextval('${schema}.epoch'),
      read_to = greatest(p.read_to, p.watermark + ${firstStride}),
      unclean_at = case when free.unclean then ${schema}.clock() else p.unclean_at end,
      suspect_to = case when free.unclean then greatest(
          p.suspect_to, p.watermark,
          least(p.read_to, coalesce((
            select (max(l.seq) + 1) * 4096 from ${schema}.log l where l.queue = p.queue and l.partition = p.partition
          ), 0))
        ) else p.suspect_to end
  from (
    select p.queue, p.partition, p.owner, p.owner is not null and (p.owner <> $1 or coalesce(w.stuck, false)) as unclean
    from ${schema}.partition p
    join json_to_recordset($2) as w(queue int, partition int, stuck boolean) using (queue, partition)
    where p.owner is null or p.owner = $1 or not exists (
      select from ${schema}.node n where n.boot_id = p.owner and n.lease_until > ${schema}.clock()
    )
    order by p.queue, p.partition
    for update of p
  ) as free
  where p.queue = free.queue and p.partition = free.partition
    and exists (select from ${schema}.node n where n.boot_id = $1 and n.lease_until > ${schema}.clock())
  returning p.queue, p.partition, p.generation, p.epoch, p.done, p.indexed_to, p.read_to, p.suspect_to,
    p.unclean_at is not null as is_unclean, case when free.unclean then free.owner end as taken_from, p.closed_at is not null as is_closed`,
)

/**
 * Takes the partitions that nobody alive owns. What the new owner needs else is read in statements begun after this one.
 * @param wanted `stuck`: it was this node's own, which lost it since something held its event loop
 */
export async function acquirePartitions(
  runner: Runner,
  schema: string,
  bootId: string,
  wanted: readonly (PartitionName & { readonly stuck?: boolean })[],
): Promise<AcquiredRow[]> {
  const rows = await runner.run(acquire(schema), [bootId, JSON.stringify(wanted)])
  return rows.map((row) => ({
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    generation: row['generation'] as number,
    epoch: Number(row['epoch']),
    done: readRanges(row['done'] as string),
    indexedTo: Number(row['indexed_to']),
    readTo: Number(row['read_to']),
    isUnclean: row['is_unclean'] as boolean,
    suspectTo: Number(row['suspect_to']),
    takenFrom: (row['taken_from'] as string | null) ?? undefined,
    isClosed: row['is_closed'] as boolean,
  }))
}

const release = statement(
  'release-partitions',
  (schema) => `
  update ${schema}.partition p
  set owner = null
  from (
    select p.queue, p.partition
    from ${schema}.partition p
    join json_to_recordset($2) as w(queue int, partition int, epoch bigint) using (queue, partition)
    where p.owner = $1 and p.epoch = w.epoch
    -- In the order in which a settle takes them, or the two would wait for each other in a circle.
    order by p.queue, p.partition
    for update of p
  ) as held
  where p.queue = held.queue and p.partition = held.partition`,
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
