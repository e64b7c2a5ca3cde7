import type { Runner } from './driver.ts'
import type { PartitionName } from './partitions.ts'
import type { QueueState } from './queue-control.ts'
import { statement } from './statement.ts'
import type { QueueRow } from './topology.ts'

/** A queue after its number of partitions was asked for. */
export interface Repartitioned extends Omit<QueueRow, 'name'> {
  /** False where it had as many. */
  readonly changed: boolean
  /** How many it had. */
  readonly before: number
}

const change = statement(
  'repartition',
  (schema) => `
  select number, generation, first_partition, partitions, changed from ${schema}.repartition($1, $2)`,
)

const lock = statement(
  'lock-partitions-of-queue',
  (schema) => `
  select q.partitions from ${schema}.queue q where q.name = $1 for no key update`,
)

/**
 * Gives a queue another number of partitions, in a transaction; undefined where there is no such queue.
 * @throws an error with the SQLSTATE `CC020` where its partition numbers are used up, their number left as the detail
 */
export async function repartitionQueue(
  runner: Runner,
  schema: string,
  queue: string,
  partitions: number,
): Promise<Repartitioned | undefined> {
  // Whoever changes it as well comes before or after: what it had is no guess.
  const [had] = await runner.run(lock(schema), [queue])
  const [row] = await runner.run(change(schema), [queue, partitions])
  if (!row || !had) return undefined
  return {
    number: row['number'] as number,
    generation: row['generation'] as number,
    firstPartition: row['first_partition'] as number,
    partitions: row['partitions'] as number,
    changed: row['changed'] as boolean,
    before: had['partitions'] as number,
  }
}

type Owned = PartitionName & { readonly epoch: number }

const drain = statement(
  'drain-partition',
  (schema) => `
  select ${schema}.drain_partition($1, $2, $3, $4, $5, $6, $7) as state`,
)

/** Rows of a lane that one call moves. */
const movedAtOnce = 5_000

/**
 * Closes a partition of an older generation and moves its lane on, a part with each call.
 * @param mark a transaction id taken after the generation was seen to be old
 * @param isPatient whether it is left open while a transaction from before the mark may still append to it
 * @returns `open`: it is not done; `more`: to be called again at once; `drained`
 */
export async function drainPartition(
  runner: Runner,
  schema: string,
  bootId: string,
  { queue, partition, epoch }: Owned,
  mark: string,
  isPatient: boolean,
): Promise<'open' | 'more' | 'drained'> {
  const values = [bootId, queue, partition, epoch, mark, isPatient, movedAtOnce]
  const [row] = await runner.run(drain(schema), values)
  return row?.['state'] as 'open' | 'more' | 'drained'
}

const end = statement(
  'end-partition',
  (schema) => `
  select ${schema}.end_partition($1, $2, $3, $4) as ended`,
)

/** Removes a drained partition, if nothing is left of it. @returns whether it has gone */
export async function endPartition(
  runner: Runner,
  schema: string,
  bootId: string,
  { queue, partition, epoch }: Owned,
): Promise<boolean> {
  const [row] = await runner.run(end(schema), [bootId, queue, partition, epoch])
  return row?.['ended'] === true
}

const adopt = statement(
  'adopt-strays',
  (schema) => `
  select ${schema}.adopt_strays() as adopted`,
)

/** Gives rows of the lane whose partition has gone to those that came after it. @returns how many there were */
export async function adoptStrays(runner: Runner, schema: string): Promise<number> {
  const [row] = await runner.run(adopt(schema))
  return row?.['adopted'] as number
}

const trackMoved = statement(
  'track-moved',
  (schema) => `
  insert into ${schema}.tracked_item (id, queue, definition, key, state, attempts, enqueued_at, context, input)
  select r.id, r.q, r.d, r.k, r.state, r.a, to_timestamp(r.e / 1000), r.c::text, r.i::text
  from json_to_recordset($1::text::json) as r(id uuid, q int, d text, k text, state text, a int, e float8, c json, i json)
  on conflict (id) do nothing`,
)

/** Enters items whose ids do not lead to their rows of the log. */
export async function trackItems(
  runner: Pick<Runner, 'query'>,
  schema: string,
  rows: readonly string[],
): Promise<void> {
  await runner.query(trackMoved(schema).text, [`[${rows.join(',')}]`])
}

/** A queue as an operator sees it. */
export interface QueueStanding {
  readonly queue: string
  readonly state: QueueState
  /** Since when it is in its state; undefined where it has never been set. */
  readonly since?: Date
  /** How many items of it each node runs at once, where that is set for the queue. */
  readonly perNode?: number
  readonly generation: number
  readonly partitions: number
  /** Partitions of older generations that are not drained; until then those of the newest wait. */
  readonly draining: number
  /** Partition numbers that were never used. */
  readonly numbersLeft: number
}

const standings = statement(
  'queue-standings',
  (schema) => `
  select q.name, coalesce(c.state, 'running') as state, ${schema}.epoch_ms(c.since) as since, c.per_node,
    q.generation, q.partitions, 4096 - q.first_partition - q.partitions as numbers_left, (
    select count(*)::int from ${schema}.partition p
    where p.queue = q.number and p.generation < q.generation and p.drained_at is null
  ) as draining
  from ${schema}.queue q
  left join ${schema}.queue_control c on c.queue = q.number
  order by q.name`,
)

/** All queues, by name. */
export async function readQueueStandings(runner: Runner, schema: string): Promise<QueueStanding[]> {
  const rows = await runner.run(standings(schema))
  return rows.map((row) => ({
    queue: row['name'] as string,
    state: row['state'] as QueueState,
    ...(row['since'] !== null && { since: new Date(row['since'] as number) }),
    ...(row['per_node'] !== null && { perNode: row['per_node'] as number }),
    generation: row['generation'] as number,
    partitions: row['partitions'] as number,
    draining: row['draining'] as number,
    numbersLeft: row['numbers_left'] as number,
  }))
}
