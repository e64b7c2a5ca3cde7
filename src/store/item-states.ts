import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

const ended = statement(
  'ends-of-items',
  (schema) => `
  select i.id, case when b.id is not null then 'broken' when t.state = 'running' then t.state when w.id is not null then w.state else t.state end as state
  from unnest($1::uuid[]) as i(id)
  left join ${schema}.broken_item b on b.id = i.id
  left join ${schema}.waiting_item w on w.id = i.id
  left join ${schema}.tracked_item t on t.id = i.id`,
)

/** In which states items are, as far as lanes and tracked items say; null where an item is in none of them. */
export async function readStates(
  runner: Runner,
  schema: string,
  ids: readonly string[],
): Promise<(string | null)[]> {
  const rows = await runner.run(ended(schema), [ids])
  return rows.map((row) => row['state'] as string | null)
}
