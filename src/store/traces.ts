import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** Somebody watches a queue. */
export interface TraceRow {
  readonly id: string
  readonly queue: number
  /** Unset: all of them. */
  readonly key: string | undefined
}

const open = statement(
  'open-trace',
  (schema) => `
  insert into ${schema}.trace as t (id, queue, key, until)
  values ($1, $2, $3, ${schema}.clock() + $4 * interval '1 ms')
  on conflict (id) do update set until = excluded.until`,
)

/** Has nodes write down what happens, for so long; again: for longer. */
export async function openTrace(
  runner: Runner,
  schema: string,
  { id, queue, key }: TraceRow,
  forMs: number,
): Promise<void> {
  await runner.run(open(schema), [id, queue, key ?? null, forMs])
}

const close = statement(
  'close-trace',
  (schema) => `
  delete from ${schema}.trace where id = $1`,
)

export async function closeTrace(runner: Runner, schema: string, id: string): Promise<void> {
  await runner.run(close(schema), [id])
}

const wanted = statement(
  'open-traces',
  (schema) => `
  select t.id, t.queue, t.key from ${schema}.trace t where t.until > ${schema}.clock() order by t.id limit 1000`,
)

/** What is being watched. */
export async function readTraces(runner: Runner, schema: string): Promise<TraceRow[]> {
  const rows = await runner.run(wanted(schema))
  return rows.map((row) => ({
    id: row['id'] as string,
    queue: row['queue'] as number,
    key: (row['key'] as string | null) ?? undefined,
  }))
}

/** What happened to an item of a queue that is watched. */
export interface TraceLine {
  /** Milliseconds. */
  readonly at: number
  /** Unset: more happened than was written down, `attempt` times. */
  readonly item: string | undefined
  readonly definition: string | undefined
  readonly key: string | undefined
  readonly event: string
  readonly attempt: number | undefined
  readonly message: string | undefined
}

// Not for one that was closed meanwhile.
const write = statement(
  'write-trace-lines',
  (schema) => `
  insert into ${schema}.trace_line (trace, at, item, definition, key, event, attempt, message)
  select t.id, to_timestamp(r.at / 1000), r.item, r.definition, r.key, r.event, r.attempt, r.message
  from rows from (json_to_recordset($1) as (trace uuid, at float8, item uuid, definition text, key text, event text, attempt int, message text))
    with ordinality as r(trace, at, item, definition, key, event, attempt, message, nth)
  join ${schema}.trace t on t.id = r.trace
  order by r.nth`,
)

export async function writeTraceLines(
  runner: Runner,
  schema: string,
  lines: readonly (TraceLine & { readonly trace: string })[],
): Promise<void> {
  await runner.run(write(schema), [JSON.stringify(lines)])
}

const take = statement(
  'take-trace-lines',
  (schema) => `
  with taken as (
    delete from ${schema}.trace_line
    where id in (select l.id from ${schema}.trace_line l where l.trace = $1 order by l.id limit $2)
    returning *
  )
  select ${schema}.epoch_ms(taken.at) as at, taken.item, taken.definition, taken.key, taken.event, taken.attempt, taken.message
  from taken
  order by taken.id`,
)

/** Takes away what was written down, the oldest first, at most `limit`. */
export async function takeTraceLines(
  runner: Runner,
  schema: string,
  trace: string,
  limit: number,
): Promise<TraceLine[]> {
  const rows = await runner.run(take(schema), [trace, limit])
  return rows.map((row) => ({
    at: row['at'] as number,
    item: (row['item'] as string | null) ?? undefined,
    definition: (row['definition'] as string | null) ?? undefined,
    key: (row['key'] as string | null) ?? undefined,
    event: row['event'] as string,
    attempt: (row['attempt'] as number | null) ?? undefined,
    message: (row['message'] as string | null) ?? undefined,
  }))
}

const skip = statement(
  'skip-trace-lines',
  (schema) => `
  with skipped as (
    delete from ${schema}.trace_line
    where id in (select l.id from ${schema}.trace_line l where l.trace = $1 order by l.id limit $2)
    returning item, attempt
  )
  select coalesce(sum(case when skipped.item is null then skipped.attempt else 1 end), 0)::float8 as count
  from skipped`,
)

/** Throws away what was written down, the oldest first, at most `limit`. @returns how much had happened */
export async function skipTraceLines(
  runner: Runner,
  schema: string,
  trace: string,
  limit: number,
): Promise<number> {
  const [row] = await runner.run(skip(schema), [trace, limit])
  return row?.['count'] as number
}

const expire = statement(
  'expire-traces',
  (schema) => `
  delete from ${schema}.trace
  where id in (select t.id from ${schema}.trace t where t.until < ${schema}.clock() limit $1 for update skip locked)
  returning 1`,
)

/** Deletes those that nobody watches any more, at most `limit`. @returns how many went */
export async function expireTraces(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(expire(schema), [limit])).length
}
