import type { Runner } from './driver.ts'
import { entryJson } from './entry-json.ts'
import { contextOf, tables, type Place } from './item-filter.ts'
import { statement } from './statement.ts'

/** Who may not see secrets has replaced the input of an item (`edited`), or had it made, or one that it comes from (`made`). */
export type Replaced = 'edited' | 'made'

/** So many items above one are looked at; what has more may have been made by anybody. */
const maxAbove = 32

const parentIn = (schema: string, place: Place): string => {
  const { value, mayHold } = contextOf(schema, place, 'causationId')
  return `select ${place}.id, case when ${mayHold} then ${value} end as parent
      from ${schema}.${tables[place]} ${place} where ${place}.id = above.at`
}

/** A line that says that somebody without a right to the secrets chose the input; programs have no operator. */
const isBlind = (events: string): string => {
  const data = entryJson('g.data')
  return `g.event in (${events}) and (${data} ->> 'operator') is not null and (${data} -> 'seesSecrets') is null`
}

// From parent to parent, by ids. One that is gone says nothing any more, and so may have been replaced.
const replacedAmong = statement(
  'replaced-among',
  (schema) => `
  with recursive above(id, at, depth) as (
    select i.id, i.parent, 1
    from unnest($1::uuid[], $2::uuid[]) as i(id, parent)
    where i.parent is not null
    union all
    select above.id, case when r.parent ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then r.parent::uuid end, above.depth + 1
    from above
    cross join lateral (
      ${parentIn(schema, 't')}
      union all
      ${parentIn(schema, 'w')}
      union all
      ${parentIn(schema, 'b')}
      limit 1
    ) as r
    where above.depth <= ${maxAbove} and r.parent is not null
  ), made as (
    select distinct above.id
    from above
    where above.depth > ${maxAbove}
      or above.at is not null and (
        not exists (select from ${schema}.tracked_item t where t.id = above.at)
          and not exists (select from ${schema}.waiting_item w where w.id = above.at)
          and not exists (select from ${schema}.broken_item b where b.id = above.at)
        or exists (
          select from ${schema}.item_log g
          where g.id = above.at and ${isBlind(`'edited', 'requeued', 'made'`)}
            and (g.event = 'made' or (${entryJson('g.data')} -> 'before') is not null)
        )
      )
  )
  select i.id,
    case when m.id is not null or exists (
      select from ${schema}.item_log g where g.id = i.id and ${isBlind(`'made'`)}
    ) then 'made' else 'edited' end as replaced
  from unnest($1::uuid[]) as i(id)
  left join made m on m.id = i.id
  where m.id is not null or exists (
    select from ${schema}.item_log g
    where g.id = i.id and ${isBlind(`'edited', 'requeued', 'made'`)}
      and (g.event = 'made' or (${entryJson('g.data')} -> 'before') is not null)
  )`,
)

/**
 * Which of the items hold what somebody chose who may not see secrets, by what the logs say of them and of the items that they come
 * from.
 * @param items each with the id that its context gives as what caused it
 */
export async function readReplaced(
  runner: Runner,
  schema: string,
  items: readonly { readonly id: string; readonly parent: string | undefined }[],
): Promise<Map<string, Replaced>> {
  if (items.length === 0) return new Map()
  const values = [items.map(({ id }) => id), items.map(({ parent }) => parent ?? null)]
  const rows = await runner.run(replacedAmong(schema), values)
  return new Map(rows.map((row) => [row['id'] as string, row['replaced'] as Replaced] as const))
}
