import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** What became of items of a queue in a span of time; `queue` 0: of all queues. */
export interface StatisticRow {
  readonly queue: number
  /** Seconds. */
  readonly span: number
  /** Its beginning, in milliseconds. */
  readonly at: number
  readonly accepted: number
  readonly succeeded: number
  readonly broken: number
  readonly cancelled: number
  readonly failed: number
  readonly waits: readonly number[]
  readonly runs: readonly number[]
}

/** The same with what was seen of what waits; null where nothing did, or nobody looked. */
export interface ReadStatistic extends StatisticRow {
  readonly oldestMs: number | null
}

/** Their order is that in which rows are locked, so that nodes never wait for each other in a circle. */
const add = statement(
  'add-statistics',
  (schema) => `
  insert into ${schema}.queue_statistic as s (queue, span, at, accepted, succeeded, broken, cancelled, failed, waits, runs)
  select r.queue, r.span, to_timestamp(r.at / 1000), r.accepted, r.succeeded, r.broken, r.cancelled, r.failed, r.waits, r.runs
  from json_to_recordset($1) as r(
    queue int, span int, at float8, accepted bigint, succeeded bigint, broken bigint, cancelled bigint, failed bigint, waits bigint[], runs bigint[]
  )
  order by r.queue, r.span, r.at
  on conflict (queue, span, at) do update
  set accepted = s.accepted + excluded.accepted, succeeded = s.succeeded + excluded.succeeded, broken = s.broken + excluded.broken,
      cancelled = s.cancelled + excluded.cancelled, failed = s.failed + excluded.failed,
      waits = ${schema}.add_counts(s.waits, excluded.waits), runs = ${schema}.add_counts(s.runs, excluded.runs)`,
)

/** Adds to what is there. */
export async function addStatistics(
  runner: Runner,
  schema: string,
  rows: readonly StatisticRow[],
): Promise<void> {
  await runner.run(add(schema), [JSON.stringify(rows)])
}

/** How long the oldest item of a queue waited for its turn. */
export interface OldestRow {
  readonly queue: number
  readonly span: number
  readonly at: number
  readonly oldestMs: number
}

// In the same order. What became of items is added by the nodes, before or after.
const note = statement(
  'note-oldest',
  (schema) => `
  insert into ${schema}.queue_statistic as s (queue, span, at, accepted, succeeded, broken, cancelled, failed, waits, runs, oldest_ms)
  select r.queue, r.span, to_timestamp(r.at / 1000), 0, 0, 0, 0, 0, '{}', '{}', r."oldestMs"
  from json_to_recordset($1) as r(queue int, span int, at float8, "oldestMs" float8)
  order by r.queue, r.span, r.at
  on conflict (queue, span, at) do update set oldest_ms = greatest(s.oldest_ms, excluded.oldest_ms)`,
)

/** Keeps the longest of each span. */
export async function noteOldest(runner: Runner, schema: string, rows: readonly OldestRow[]): Promise<void> {
  if (rows.length > 0) await runner.run(note(schema), [JSON.stringify(rows)])
}

const series = statement(
  'statistic-series',
  (schema) => `
  select s.queue, s.span, ${schema}.epoch_ms(s.at) as at, s.accepted, s.succeeded, s.broken, s.cancelled, s.failed,
    to_json(s.waits)::text as waits, to_json(s.runs)::text as runs, s.oldest_ms
  from ${schema}.queue_statistic s
  where s.queue = $1 and s.span = $2 and s.at >= to_timestamp($3 / 1000::float8) and s.at <= ${schema}.clock()
  order by s.at`,
)

/** What became of the items of a queue since then, oldest first; spans in which nothing did are left out. */
export async function readStatistics(
  runner: Runner,
  schema: string,
  queue: number,
  span: number,
  since: number,
): Promise<ReadStatistic[]> {
  const rows = await runner.run(series(schema), [queue, span, since])
  return rows.map((row) => ({
    queue,
    span,
    at: row['at'] as number,
    accepted: Number(row['accepted']),
    succeeded: Number(row['succeeded']),
    broken: Number(row['broken']),
    cancelled: Number(row['cancelled']),
    failed: Number(row['failed']),
    waits: JSON.parse(row['waits'] as string) as number[],
    runs: JSON.parse(row['runs'] as string) as number[],
    oldestMs: row['oldest_ms'] as number | null,
  }))
}

/** What became of the items of a queue in the last hour. */
export interface LastHour {
  readonly queue: number
  readonly succeeded: number
  readonly broken: number
  readonly failed: number
  /** How many ended in each minute, as `[the minute's beginning in ms, how many]`. */
  readonly ended: readonly (readonly [number, number])[]
}

const hour = statement(
  'statistics-of-hour',
  (schema) => `
  select s.queue, sum(s.succeeded) as succeeded, sum(s.broken) as broken, sum(s.failed) as failed,
    json_agg(json_build_array(${schema}.epoch_ms(s.at), s.succeeded + s.broken))::text as ended
  from ${schema}.queue_statistic s
  where s.span = 60 and s.at > (select ${schema}.clock()) - interval '1 hour'
  group by s.queue`,
)

/** Of all queues of which something ended. */
export async function readLastHour(runner: Runner, schema: string): Promise<LastHour[]> {
  const rows = await runner.run(hour(schema))
  return rows.map((row) => ({
    queue: row['queue'] as number,
    succeeded: Number(row['succeeded']),
    broken: Number(row['broken']),
    failed: Number(row['failed']),
    ended: JSON.parse(row['ended'] as string) as [number, number][],
  }))
}

const expire = statement(
  'expire-statistics',
  (schema) => `
  delete from ${schema}.queue_statistic
  where ctid = any (array(
    select s.ctid from ${schema}.queue_statistic s
    where s.span = 60 and s.at < (select ${schema}.clock()) - interval '2 days'
      or s.span = 600 and s.at < (select ${schema}.clock()) - interval '30 days'
    limit $1 for update skip locked
  ))
  returning 1`,
)

/** Deletes what is too old, at most `limit`. @returns how many rows went */
export async function expireStatistics(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(expire(schema), [limit])).length
}
