import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** What became of a service's queued requests of the last hour; of those that came last, where there were many. */
export interface ServiceCount {
  readonly definition: string
  readonly count: number
  readonly succeeded: number
  readonly broken: number
}

const maxCounted = 1_000

const openStates = ['ready', 'running', 'scheduled', 'held', 'deferred']

/**
 * The ids and states of a definition's items of one index, the newest first. Compared as one, as the index has it: else the planner
 * might walk through everybody's items of the hour by their ids.
 */
function newestOf(
  schema: string,
  where: string,
  columns: readonly string[],
  values: readonly string[],
): string {
  const row = [...columns, 'i.id']
  return `
      select i.id, i.state
      from ${schema}.tracked_item i
      where ${where} and (${row.join(', ')}) >= (${values.join(', ')}, $2::uuid)
        and (${row.join(', ')}) <= (${values.join(', ')}, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      order by ${row.map((column) => `${column} desc`).join(', ')}
      limit ${maxCounted}`
}

const columns = ['i.queue', 'i.definition collate "C"']
const values = ['d.queue', 'd.id']

// What has ended has an index, and what has not another, with the state in front.
const select = statement(
  'service-counts',
  (schema) => `
  select d.id, count(t.state) as n, count(*) filter (where t.state = 'succeeded') as succeeded, count(*) filter (where t.state = 'broken') as broken
  from json_to_recordset($1) as d(id text, queue int)
  left join lateral (
    select c.state
    from (
      (${newestOf(schema, 'i.ended_at is not null', columns, values)})
      union all
      select o.id, o.state
      from unnest(array[${openStates.map((state) => `'${state}'`).join(', ')}]) as s(state)
      cross join lateral (${newestOf(schema, 'i.ended_at is null', ['i.state', ...columns], ['s.state', ...values])}) as o
    ) as c
    order by c.id desc
    limit ${maxCounted}
  ) as t on true
  group by d.id`,
)

/**
 * Counts to 1,000 of each.
 * @param runner one that reads by indexes (`readByIndex`)
 * @param since the lowest id of that time
 */
export async function countServiceRequests(
  runner: Runner,
  schema: string,
  services: readonly { readonly id: string; readonly queue: number }[],
  since: string,
): Promise<ServiceCount[]> {
  const rows = await runner.run(select(schema), [JSON.stringify(services), since])
  return rows.map((row) => ({
    definition: row['id'] as string,
    count: Number(row['n']),
    succeeded: Number(row['succeeded']),
    broken: Number(row['broken']),
  }))
}
