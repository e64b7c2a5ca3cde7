import { rowsAtOnce, weekMs, type Query } from './operate-fill.ts'

/** What operators look at beside items. */
export interface DeskFill {
  readonly queues: number
  /** Lines of the audit, of a week. */
  readonly lines: number
}

/** Figures are kept of two days by minutes, and of thirty by ten of them: the span in seconds, and how many there are. */
const kept = [
  [60, 2 * 24 * 60],
  [600, 30 * 24 * 6],
] as const
const spansAtOnce = 100

/** Fills the audit and the figures of queues. */
export async function fillDesk(query: Query, schema: string, { queues, lines }: DeskFill): Promise<void> {
  for (let from = 1; from <= lines; from += rowsAtOnce)
    await query(audit(schema), [from, Math.min(from + rowsAtOnce - 1, lines), lines, queues])
  for (const [span, spans] of kept)
    for (let from = 0; from < spans; from += spansAtOnce)
      await query(statistics(schema), [span, from, Math.min(from + spansAtOnce, spans) - 1])
}

/**
 * Fifty operators, and one line in fifty by someone who came by a link and never again. Acts on items most of the time, one in a
 * hundred on a queue, and of those every tenth a repartition, which no operator of an even number does.
 */
function audit(schema: string): string {
  return `
  insert into ${schema}.operator_audit (at, operator, name, act, subject, subject_id, before, after, reason, via, request_id)
  select clock_timestamp() - (1 - g / $3::float8) * interval '${weekMs} ms',
    case when g % 50 = 49 then 'link:' || g / 50 else 'user:operator-' || o.number end, 'Operator ' || o.number,
    case when g % 1000 = 0 and o.number % 2 = 1 then 'queue.partitions' when g % 100 = 0 then 'queue.pause'
      when g % 3 = 0 then 'items.requeue' else 'items.redrive' end,
    case when g % 100 = 0 then 'queue' else 'items' end,
    case when g % 100 = 0 then 'queue-' || (1 + g / 100 % $4::int) else md5(g::text)::uuid::text end,
    '{"state":"broken"}', '{"state":"ready"}', case when g % 4 = 0 then 'the directory was away, ticket ' || g end,
    case when g % 5 = 0 then 'key' else 'session' end, md5('request' || g)
  from generate_series($1::int, $2::int) as g
  cross join lateral (select (hashint4(g) & 2147483647) % 50 as number) as o
  order by g`
}

/** Of each queue, and of all together. */
function statistics(schema: string): string {
  return `
  insert into ${schema}.queue_statistic (queue, span, at, accepted, succeeded, broken, cancelled, failed, waits, runs, oldest_ms)
  select q.number, $1::int, to_timestamp((floor(extract(epoch from clock_timestamp()) / $1::int) - nth) * $1::int),
    1000, 990, 8, 2, 20, c.counts, c.counts, 1500
  from (select number from ${schema}.queue union all select 0) as q
  cross join generate_series($2::int, $3::int) as nth
  cross join lateral (select array_agg((hashint4(b * 31 + nth % 10) & 255)::bigint) as counts from generate_series(1, 24) as b) as c
  on conflict do nothing`
}
