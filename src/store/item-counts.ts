import type { Runner } from './driver.ts'
import { conditionsOf, giveInto, tables, type Give, type ItemFilter, type Place } from './item-filter.ts'
import { readGroups, type GroupPlace, type ItemGroup } from './item-groups.ts'
import type { IdRange } from './item-search.ts'
import { byGroups, inRange, orderOf } from './item-ways.ts'
import { quotedSchema } from './schema-name.ts'

/** How many items there are in a state. */
export interface StateCount {
  readonly count: number
  readonly isAtLeast: boolean
}

/** Where items of a state are told apart, each counted once: what a lane has counts there. */
interface Counted {
  readonly place: Place
  readonly group: GroupPlace
  readonly where: readonly string[]
  /** What a row must fulfil that no index tells. */
  readonly fits: (schema: string) => string
}

const always = (): string => 'true'
const notRunning = (): string => 'x.id not in (select id from running)'
const inNoLane = (schema: string): string =>
  `(select true from ${schema}.waiting_item o where o.id = x.id) is null and (select true from ${schema}.broken_item o where o.id = x.id) is null`

const lane: Counted = { place: 'w', group: 'waiting', where: [], fits: notRunning }
const open: Counted = { place: 't', group: 'open', where: ['t.ended_at is null'], fits: inNoLane }

const counted: Readonly<Record<string, readonly Counted[]>> = {
  broken: [{ place: 'b', group: 'broken', where: [], fits: always }],
  scheduled: [lane],
  deferred: [lane],
  held: [lane, open],
  ready: [lane, open],
  running: [{ ...open, fits: always }],
  cancelled: [{ place: 't', group: 'cancelled', where: ['t.reason is not null'], fits: always }],
  succeeded: [
    {
      place: 't',
      group: 'ended',
      where: ['t.ended_at is not null'],
      fits: (schema) => `(select o.state from ${schema}.tracked_item o where o.id = x.id) = 'succeeded'`,
    },
  ],
}

/** Whether a filter asks only for what the groups tell apart, and for times. */
export function isCountable(filter: ItemFilter): boolean {
  const known: readonly string[] = [
    'states',
    'queue',
    'definitions',
    'enqueuedAfter',
    'enqueuedBefore',
  ] satisfies (keyof ItemFilter)[]
  return Object.keys(filter).every((name) => known.includes(name))
}

/**
 * Counts items by state without looking for them in order, in one statement; undefined where there are too many groups to read each.
 * @param filter one that {@link isCountable}
 * @param limit so many rows of each place are counted
 */
export async function countByState(
  runner: Runner,
  schema: string,
  filter: ItemFilter,
  range: IdRange,
  states: readonly string[],
  limit: number,
): Promise<Map<string, StateCount> | undefined> {
  const quoted = quotedSchema(schema)
  const values: unknown[] = []
  const give = giveInto(values)
  const parts: string[] = []
  const groups = new Map<GroupPlace, ItemGroup[]>()
  for (const state of states)
    for (const one of counted[state] ?? []) {
      const all =
        groups.get(one.group) ??
        (await readGroups(runner, schema, one.group, (each) => isMeant(each, filter)))
      if (!all) return undefined
      groups.set(one.group, all)
      const mine = all.filter((each) => each.state === undefined || each.state === state)
      if (mine.length > 0) parts.push(countText(quoted, state, one, mine, filter, range, limit, give))
    }
  const counts = new Map<string, StateCount>(states.map((state) => [state, { count: 0, isAtLeast: false }]))
  if (parts.length === 0) return counts
  const text = `
  with running as materialized (
    select t.id from ${quoted}.tracked_item t where t.state = 'running' and t.ended_at is null limit ${give(maxRunning, 'int')}
  )
  ${parts.join('\n  union all\n  ')}`
  for (const row of await runner.run({ text }, values)) {
    const state = row['state'] as string
    const { count = 0, isAtLeast = false } = counts.get(state) ?? {}
    const sum = count + (row['fitting'] as number)
    counts.set(state, {
      count: Math.min(sum, limit),
      isAtLeast: isAtLeast || (row['looked_at'] as number) > limit || sum > limit,
    })
  }
  return counts
}

/** More run at once nowhere. */
const maxRunning = 20_000

function isMeant({ queue, definition }: ItemGroup, filter: ItemFilter): boolean {
  return (
    (filter.queue === undefined || filter.queue === queue) &&
    (!filter.definitions || filter.definitions.includes(definition))
  )
}

function countText(
  schema: string,
  state: string,
  { place, where, fits }: Counted,
  groups: readonly ItemGroup[],
  filter: ItemFilter,
  range: IdRange,
  limit: number,
  give: Give,
): string {
  const way = byGroups(place, groups, where, give)
  const { enqueuedAfter, enqueuedBefore } = filter
  const times = {
    ...(enqueuedAfter !== undefined && { enqueuedAfter }),
    ...(enqueuedBefore !== undefined && { enqueuedBefore }),
  }
  const conditions = [
    ...where,
    inRange(way, { first: give(range.first, 'uuid'), last: give(range.last, 'uuid') }),
    ...conditionsOf(schema, place, times, true, give),
  ].join(' and ')
  const most = give(limit + 1, 'int')
  return `select '${state}' as state, count(*) filter (where ${fits(schema)})::int as fitting, count(*)::int as looked_at
  from (
    select l.id
    from ${way.each?.from}
    cross join lateral (
      select ${place}.id from ${schema}.${tables[place]} ${place} where ${conditions} order by ${orderOf(way, 'desc')} limit ${most}
    ) as l
    limit ${most}
  ) as x`
}
