import { isBlockedKey } from './blocked-keys.ts'
import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** An item that has not ended, and that waits for nothing but the nodes. */
export interface OpenItem {
  readonly definition: string
  readonly state: string
}

/** Within which scope a definition's items have their order, and whether they wait behind an earlier one that waits. */
export interface KeyScope {
  readonly id: string
  readonly scope: string
  readonly strict: boolean
}

// All that the log and the lane hold and that is not done. Reads everything: it is for tests, whose tables are small.
const open = statement(
  'open-items',
  (schema) => `
  with keyed as (
    select * from json_to_recordset($1) as s(id text, scope text, strict boolean)
  ), strict as (
    select k.id, k.scope from keyed k where k.strict
  ), pending as (
    select l.queue, l.partition, p.generation * 2::numeric ^ 53 + l.seq * 4096 + e.n - 1 as ord, e.entry ->> 'd' as definition, e.entry ->> 'k' as key, 'in the log' as state
    from ${schema}.log l
    join ${schema}.partition p using (queue, partition)
    cross join lateral json_array_elements(l.data::json) with ordinality as e(entry, n)
    where e.entry::text <> 'null'
      and (
        not p.done @> (l.seq * 4096 + e.n - 1)
        or exists (select from ${schema}.hole h where h.queue = l.queue and h.partition = l.partition and h.seq = l.seq)
      )
    union all
    select w.queue, w.partition, w.generation * 2::numeric ^ 53 + w.position as ord, w.definition, w.key, case when w.state in ('scheduled', 'deferred') then 'due' else w.state end
    from ${schema}.waiting_item w
    where w.state in ('ready', 'held') or w.state in ('scheduled', 'deferred') and w.due_at <= ${schema}.clock()
  ), blocked as (
    select w.queue, w.partition, w.scope, w.key, min(w.generation * 2::numeric ^ 53 + w.position) as ord
    from ${schema}.waiting_item w
    where w.position is not null and (w.state = 'scheduled' and w.due_at > ${schema}.clock() or w.state = 'deferred' and coalesce(w.due_at > ${schema}.clock(), true))
    group by w.queue, w.partition, w.scope, w.key
  )
  select pending.definition, pending.state
  from pending
  left join strict on strict.id = pending.definition
  left join keyed on keyed.id = pending.definition
  left join blocked on blocked.queue = pending.queue and blocked.partition = pending.partition
    and blocked.key = pending.key and blocked.scope = strict.scope and blocked.ord < pending.ord
  -- Held behind one that waits for a time: that is waiting for a time, too. Behind one that blocks its key: for a person.
  where blocked.ord is null
    and not ${isBlockedKey(schema, 'pending.queue', 'keyed.scope', 'pending.key')}`,
)

/** Items that are ready, running or held, other than behind one that waits for a time or blocks its key. */
export async function readOpenItems(
  runner: Runner,
  schema: string,
  scopes: readonly KeyScope[],
): Promise<OpenItem[]> {
  const rows = await runner.run(open(schema), [JSON.stringify(scopes)])
  return rows.map((row) => ({ definition: row['definition'] as string, state: row['state'] as string }))
}

const allIds = statement(
  'all-item-ids',
  (schema) => `
  select id from ${schema}.tracked_item
  union
  select id from ${schema}.waiting_item
  union
  select id from ${schema}.broken_item
  union
  select coalesce(
    (e.entry ->> 'id')::uuid,
    (substr(l.flush::text, 1, 33) || lpad(to_hex((e.n - 1)::int), 3, '0'))::uuid
  )
  from ${schema}.log l
  cross join lateral json_array_elements(l.data::json) with ordinality as e(entry, n)
  where e.entry::text <> 'null'
  order by id`,
)

/** The ids of all items that the schema knows, in the order of their acceptance. */
export async function readAllItemIds(runner: Runner, schema: string): Promise<string[]> {
  const rows = await runner.run(allIds(schema))
  return rows.map((row) => row['id'] as string)
}
