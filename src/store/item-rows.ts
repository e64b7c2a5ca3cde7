import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** What lists show of an item. */
export interface ListedItem {
  readonly id: string
  readonly state: string
  readonly definition: string
  readonly queue: string
  readonly key: string | null
  readonly attempts: number
  readonly enqueuedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly dueAt: number | null
  /** JSON. */
  readonly failure: string | null
  /** JSON. */
  readonly context: string | null
}

// As `look-up-item` tells of one, without what may be large. What only the log knows is not shown yet.
const rowsOf = statement(
  'listed-items',
  (schema) => `
  select i.id,
    case when b.id is not null then 'broken' when w.id is not null and t.state = 'running' then 'running' when w.id is not null then w.state else t.state end as state,
    coalesce(b.definition, w.definition, t.definition) as definition, q.name as queue,
    case when b.id is not null then b.key when w.id is not null then w.key else t.key end as key,
    coalesce(b.attempts, case when t.state = 'running' then t.attempts end, w.attempts, t.attempts) as attempts,
    ${schema}.epoch_ms(coalesce(b.enqueued_at, w.enqueued_at, t.enqueued_at)) as enqueued_at,
    ${schema}.epoch_ms(coalesce(b.started_at, w.started_at, t.started_at)) as started_at,
    ${schema}.epoch_ms(coalesce(b.broken_at, t.ended_at)) as ended_at,
    ${schema}.epoch_ms(case when t.state is distinct from 'running' then w.due_at end) as due_at,
    case when t.state = 'succeeded' then null else coalesce(b.failure, w.failure, t.failure) end as failure,
    coalesce(t.context, ${schema}.lane_context(b.entry)::text, ${schema}.lane_context(w.entry)::text) as context
  from unnest($1::uuid[]) with ordinality as i(id, n)
  left join ${schema}.broken_item b on b.id = i.id
  left join ${schema}.waiting_item w on w.id = i.id
  left join ${schema}.tracked_item t on t.id = i.id
  join ${schema}.queue q on q.number = coalesce(b.queue, w.queue, t.queue)
  order by i.n`,
)

/** What lists show of items, in the order of the ids; without those that are gone. */
export async function readListedItems(
  runner: Runner,
  schema: string,
  ids: readonly string[],
): Promise<ListedItem[]> {
  if (ids.length === 0) return []
  const rows = await runner.run(rowsOf(schema), [ids])
  return rows.map((row) => ({
    id: row['id'] as string,
    state: row['state'] as string,
    definition: row['definition'] as string,
    queue: row['queue'] as string,
    key: row['key'] as string | null,
    attempts: row['attempts'] as number,
    enqueuedAt: row['enqueued_at'] as number,
    startedAt: row['started_at'] as number | null,
    endedAt: row['ended_at'] as number | null,
    dueAt: row['due_at'] as number | null,
    failure: row['failure'] as string | null,
    context: row['context'] as string | null,
  }))
}

const place = statement(
  'place-of-item',
  (schema) => `
  select
    coalesce((select b.blocks from ${schema}.broken_item b where b.id = $1), false) as blocks,
    (
      select x.id
      from ${schema}.waiting_item w
      join ${schema}.waiting_item x on x.queue = w.queue and x.partition = w.partition and x.scope = w.scope and x.key = w.key
      where w.id = $1 and w.state = 'held' and w.position is not null
        and x.position is not null and (x.generation, x.position) < (w.generation, w.position)
      order by x.generation, x.position
      limit 1
    ) as behind`,
)

/** Whether an item blocks its key, and behind which other one of the lane it is held. */
export async function readItemPlace(
  runner: Runner,
  schema: string,
  id: string,
): Promise<{ readonly blocks: boolean; readonly behind: string | null }> {
  const [row] = await runner.run(place(schema), [id])
  return { blocks: row?.['blocks'] === true, behind: (row?.['behind'] ?? null) as string | null }
}

const definitionsOf = statement(
  'definitions-of-application',
  (schema) => `
  select d.id from ${schema}.definition d where d.application = $1 order by d.id limit 10000`,
)

/** The ids of the definitions that an application declared. */
export async function readDefinitionsOf(
  runner: Runner,
  schema: string,
  application: string,
): Promise<string[]> {
  const rows = await runner.run(definitionsOf(schema), [application])
  return rows.map((row) => row['id'] as string)
}
