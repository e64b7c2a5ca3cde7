import type { Runner } from './driver.ts'
import type { QueueState } from './queue-control.ts'
import { statement } from './statement.ts'

/** A queue, as the tables that are kept of it say. */
export interface QueueFigureRow {
  readonly queue: number
  readonly name: string
  readonly generation: number
  readonly partitions: number
  readonly maxWaiting: number
  readonly state: QueueState
  /** Since when it is in its state, in milliseconds. */
  readonly since: number | undefined
  readonly perNode: number | undefined
  /** Accepted and not ended, in the log and in the lane, and those that run; as last counted. */
  readonly waiting: number
}

const select = statement(
  'queue-figures',
  (schema) => `
  select q.number, q.name, q.generation, q.partitions, q.max_waiting, coalesce(c.state, 'running') as state,
    ${schema}.epoch_ms(c.since) as since, c.per_node, coalesce(k.waiting, 0) as waiting
  from ${schema}.queue q
  left join ${schema}.queue_control c on c.queue = q.number
  left join (select queue, sum(waiting) as waiting from ${schema}.backlog group by queue) as k on k.queue = q.number
  order by q.name
  limit 16383`,
)

/** All queues, by name. */
export async function readQueueFigures(runner: Runner, schema: string): Promise<QueueFigureRow[]> {
  const rows = await runner.run(select(schema))
  return rows.map((row) => ({
    queue: row['number'] as number,
    name: row['name'] as string,
    generation: row['generation'] as number,
    partitions: row['partitions'] as number,
    maxWaiting: Number(row['max_waiting']),
    state: row['state'] as QueueState,
    since: (row['since'] as number | null) ?? undefined,
    perNode: (row['per_node'] as number | null) ?? undefined,
    waiting: Number(row['waiting']),
  }))
}

/** What a lane holds of a queue: by the state of the waiting lane, or `broken`. */
export interface LaneCount {
  readonly queue: number
  readonly state: string
  readonly count: number
  /** When the oldest of them was accepted, in milliseconds. */
  readonly oldestAt: number
}

const counts = statement(
  'lane-counts',
  (schema) => `
  select c.queue, c.state, c.n, ${schema}.epoch_ms(c.oldest_at) as oldest_at from ${schema}.queue_count c`,
)

/** What the lanes hold of each queue, as last counted. */
export async function readLaneCounts(runner: Runner, schema: string): Promise<LaneCount[]> {
  const rows = await runner.run(counts(schema))
  return rows.map((row) => ({
    queue: row['queue'] as number,
    state: row['state'] as string,
    count: Number(row['n']),
    oldestAt: row['oldest_at'] as number,
  }))
}

const countLanes = statement(
  'count-lanes',
  (schema) => `
  select ${schema}.count_lanes()`,
)

/** Has the lanes counted, a step of it, where that is two seconds ago. */
export async function stepLaneCount(runner: Runner, schema: string): Promise<void> {
  await runner.run(countLanes(schema))
}

const unread = statement(
  'oldest-unread',
  (schema) => `
  select p.queue, ${schema}.epoch_ms(min(l.at)) as oldest_at
  from ${schema}.partition p
  left join json_to_recordset($1) as r(queue int, partition int, seq bigint) on r.queue = p.queue and r.partition = p.partition
  cross join lateral (
    select log.at
    from ${schema}.log
    where log.queue = p.queue and log.partition = p.partition and log.seq >= coalesce(r.seq, p.watermark / 4096)
    order by log.seq
    limit 1
  ) as l
  group by p.queue`,
)

/**
 * When the oldest row of each queue's log was written that nobody has read, or, where no node says how far it has read, that is
 * not done; in milliseconds.
 */
export async function readOldestUnread(
  runner: Runner,
  schema: string,
  read: readonly { readonly queue: number; readonly partition: number; readonly seq: number }[],
): Promise<Map<number, number>> {
  const rows = await runner.run(unread(schema), [JSON.stringify(read)])
  return new Map(rows.map((row) => [row['queue'] as number, row['oldest_at'] as number]))
}

const blocked = statement(
  'blocked-counts',
  (schema) => `
  select b.queue, count(*) as n, ${schema}.epoch_ms(min(b.broken_at)) as since
  from (select broken_item.queue, broken_item.broken_at from ${schema}.broken_item where broken_item.blocks limit 10000) as b
  group by b.queue`,
)

/** How many keys of a queue are blocked, and since when the first. */
export interface BlockedCount {
  readonly count: number
  readonly since: number
}

/** By queue. Counts 10,000 in all. */
export async function readBlockedCounts(runner: Runner, schema: string): Promise<Map<number, BlockedCount>> {
  const rows = await runner.run(blocked(schema))
  return new Map(
    rows.map((row) => [row['queue'] as number, { count: Number(row['n']), since: row['since'] as number }]),
  )
}

const definitions = statement(
  'queue-definitions',
  (schema) => `
  select d.id, d.application, d.queue from ${schema}.definition d order by d.id limit 20000`,
)

/** What is known to be run of queues, by any node. */
export async function readQueueDefinitions(
  runner: Runner,
  schema: string,
): Promise<{ readonly id: string; readonly application: string; readonly queue: number }[]> {
  const rows = await runner.run(definitions(schema))
  return rows.map((row) => ({
    id: row['id'] as string,
    application: row['application'] as string,
    queue: row['queue'] as number,
  }))
}
