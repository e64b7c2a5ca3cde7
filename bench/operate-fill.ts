/** How many rows there are of each kind. */
export interface Fill {
  /** Tracked items, a tenth of them open; spread over a week. */
  readonly tracked: number
  /** Items of the lane that are not tracked: delayed ones, most of them. */
  readonly waiting: number
  /** Broken ones; tracked, too. */
  readonly broken: number
  readonly queues: number
}

export type Query = (text: string, values?: unknown[]) => Promise<unknown>

export const weekMs = 7 * 86_400_000
/** Rows of one statement: none takes longer than a deadline. */
export const rowsAtOnce = 25_000

/** Fills the tables that operators look at, in the order in which a system at work would. The end of the week is now. */
export async function fillItems(query: Query, schema: string, fill: Fill): Promise<void> {
  await query(`select ${schema}.declare_queue('queue-' || q, 6) from generate_series(1, $1::int) as q`, [
    fill.queues,
  ])
  await query(
    `insert into ${schema}.definition (id, application, queue, keyed, max_payload)
    select d.name || '-' || q, 'app-' || q % 10, (select number from ${schema}.queue where name = 'queue-' || q), true, 1048576
    from generate_series(1, $1::int) as q, (values ('work'), ('mail'), ('service:take')) as d(name)
    on conflict do nothing`,
    [fill.queues],
  )
  for (const [table, rows] of [
    [tracked, fill.tracked],
    [waiting, fill.waiting],
    [broken, fill.broken],
  ] as const)
    for (let from = 1; from <= rows; from += rowsAtOnce)
      await query(table(schema), [from, Math.min(from + rowsAtOnce - 1, rows), rows, fill.queues])
}

/**
 * What the tables have in common, by `g` of `n`: an id of its time, a queue of so many, one of three definitions, a key of a million,
 * and half of the time a context.
 */
function common(schema: string): string {
  return `
    select g, $3::int as n, at.at,
      (lpad(to_hex((extract(epoch from at.at) * 1000)::bigint), 12, '0') || '8' || lpad(to_hex(g % 6), 3, '0')
        || to_hex(32768 + q.number) || substr(md5(g::text || random()), 1, 9) || lpad(to_hex(g % 500), 3, '0'))::uuid as id,
      q.number as queue, g % 6 as partition,
      case when g % 10 = 0 then 'mail-' when g % 10 = 5 then 'service:take-' else 'work-' end || substr(q.name, 7) as definition,
      'employee-' || (g::bigint * 7919 % 1000000) as key,
      case when g % 2 = 0 then '{"caller":"key:' || g % 40 || '","correlationId":"' || md5((g / 3)::text) || '"'
        || case when g % 20 = 0 then ',"accessGroup":"group-' || g % 7 || '"' else '' end
        || case when g % 10 = 0 then ',"causationId":"' || md5((g / 50)::text)::uuid || '"' else '' end || '}' end as context,
      '{"employeeId":"' || (g::bigint * 7919 % 1000000) || '","name":"' || md5(g::text) || '","note":"about a hundred bytes of it"}' as input
    from generate_series($1::int, $2::int) as g
    join ${schema}.queue q on q.name = 'queue-' || (1 + (hashint4(g) & 2147483647) % $4::int)
    cross join lateral (
      select clock_timestamp() - (1 - g / $3::float8) * interval '${weekMs} ms' as at
    ) as at
    order by g`
}

const isOpen = `g > n * 0.9`
const isBroken = `not (${isOpen}) and g % 100 = 50`
const isCancelled = `not (${isOpen}) and g % 100 = 99`

function tracked(schema: string): string {
  return `
  insert into ${schema}.tracked_item
    (id, queue, definition, key, state, attempts, enqueued_at, started_at, ended_at, expires_at, context, input, result, failure, reason)
  select id, queue, definition, key,
    case when ${isOpen} then case when g % 1000 = 1 then 'running' when g % 4 = 0 then 'held' else 'ready' end
      when ${isCancelled} then 'cancelled' else 'succeeded' end,
    1, at, at, case when not (${isOpen}) then at + interval '2 s' end, case when not (${isOpen}) then at + interval '14 days' end,
    context, input, case when not (${isOpen}) then '{"account":"' || md5(key) || '"}' end, null,
    case when ${isCancelled} then 'operator' end
  from (${common(schema)}) as c
  where not (${isBroken})`
}

function waiting(schema: string): string {
  return `
  insert into ${schema}.waiting_item
    (id, queue, partition, generation, position, definition, scope, key, state, moves, due_at, attempts, entry, enqueued_at, failure)
  select id, queue, partition, case when g % 10 < 4 then 1 end, case when g % 10 < 4 then g end, definition, definition, key,
    case when g % 10 = 0 then 'deferred' when g % 10 = 1 then 'held' else 'scheduled' end, g % 10 >= 4,
    case when g % 10 > 1 then at + interval '8 days' end, 0,
    '{"d":"' || definition || '","k":"' || key || '"' || coalesce(',"c":' || context, '') || ',"i":' || input || '}', at,
    case when g % 10 in (2, 3) then '{"code":"CONNECTION_FAILED","message":"connect ECONNREFUSED 10.0.0.' || g % 250 || ':5432"}' end
  from (${common(schema)}) as c`
}

function broken(schema: string): string {
  return `
  insert into ${schema}.broken_item
    (id, queue, partition, generation, position, definition, scope, key, attempts, entry, enqueued_at, started_at, broken_at, failure, blocks)
  select id, queue, partition, 1, g, definition, definition, key, 3,
    '{"d":"' || definition || '","k":"' || key || '"' || coalesce(',"c":' || context, '') || ',"i":' || input || '}', at, at, at + interval '2 s',
    '{"code":"' || (array['CONNECTION_FAILED', 'TIMEOUT', 'HANDLER_FAILED'])[1 + g % 3] || '","message":"it broke at line ' || g || ' of rule ' || g % 5 || '"}',
    g % 50 = 0
  from (${common(schema)}) as c`
}
