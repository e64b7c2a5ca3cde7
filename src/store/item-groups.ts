import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** A queue and a definition that there are items of, in a lane or not ended: in a state. */
export interface ItemGroup {
  readonly queue: number
  readonly definition: string
  readonly state?: string
}

/** With more of them it is no way to read a page of each. */
const maxGroups = 1_000

/** Where groups are told apart by an index, and what stands in front of queue and definition there. */
const places = {
  ended: { table: 'tracked_item', state: false, where: 'i.ended_at is not null' },
  cancelled: { table: 'tracked_item', state: false, where: 'i.reason is not null' },
  open: { table: 'tracked_item', state: true, where: 'i.ended_at is null' },
  waiting: { table: 'waiting_item', state: true, where: '' },
  broken: { table: 'broken_item', state: false, where: '' },
} as const

export type GroupPlace = keyof typeof places

// From one group to the next by the index: as many steps as there are groups, however many items there are of each.
function groupsStatement(place: GroupPlace) {
  const { table, state, where } = places[place]
  const columns = `${state ? 'i.state, ' : ''}i.queue, i.definition`
  const order = `${state ? 'i.state, ' : ''}i.queue, i.definition collate "C"`
  const found = `${state ? 'g.state, ' : ''}g.queue, g.definition`
  const last = `${state ? 'g.state, ' : ''}g.queue, g.definition collate "C"`
  return statement(
    `groups-${place}`,
    (schema) => `
  with recursive g as (
    (
      select ${columns}
      from ${schema}.${table} i
      ${where && `where ${where}`}
      order by ${order}
      limit 1
    )
    union all
    select n.*
    from g
    cross join lateral (
      select ${columns}
      from ${schema}.${table} i
      where ${where && `${where} and `}(${order}) > (${last})
      order by ${order}
      limit 1
    ) as n
  )
  select ${found}
  from g
  limit ${maxGroups * 4 + 1}`,
  )
}

const statements = Object.fromEntries(
  Object.keys(places).map((place) => [place, groupsStatement(place as GroupPlace)]),
) as Record<GroupPlace, ReturnType<typeof statement>>

/** The groups that fit; undefined where there are too many to read each by itself. */
export async function readGroups(
  runner: Runner,
  schema: string,
  place: GroupPlace,
  fits: (group: ItemGroup) => boolean,
): Promise<ItemGroup[] | undefined> {
  const rows = (await runner.run(statements[place](schema))) as unknown as ItemGroup[]
  if (rows.length > maxGroups * 4) return undefined
  const groups = rows.filter(fits)
  return groups.length > maxGroups ? undefined : groups
}
