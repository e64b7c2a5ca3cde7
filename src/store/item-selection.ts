import type { Runner } from './driver.ts'
import { quotedSchema } from './schema-name.ts'
import { statement } from './statement.ts'

/** Which items are meant: all that fit every member that is given. */
export interface ItemFilter {
  readonly definitions?: readonly string[]
  readonly queue?: number
  readonly states?: readonly string[]
  readonly key?: string
  readonly errorCode?: string
  /** Milliseconds. */
  readonly enqueuedAfter?: number
  readonly enqueuedBefore?: number
  readonly ids?: readonly string[]
  /** No id beyond this one. */
  readonly upTo?: string
}

const waitingStates = ['ready', 'running', 'scheduled', 'held', 'deferred']
/** What only tracked items say; of all other states there is a row in a lane. */
const trackedStates = ['ready', 'running', 'held', 'succeeded', 'cancelled']
const endedStates = ['succeeded', 'cancelled']
const openStates = [...waitingStates, 'broken']

/** Takes a value of a statement. @returns what stands for it */
type Give = (value: unknown, type: string) => string

function giveInto(values: unknown[]): Give {
  return (value, type) => `$${values.push(value)}::${type}`
}

/**
 * Each item once, by where it lies: the lanes know more than what is tracked. A table is read only where an item of the states
 * may be, and each one by itself: in the order of its ids, by its index, until there are enough.
 */
function branches(schema: string, filter: ItemFilter, after: string, give: Give): string[] {
  const { definitions, queue, states, key, errorCode, enqueuedAfter, enqueuedBefore, ids, upTo } = filter
  const may = (names: readonly string[]): boolean => !states || states.some((state) => names.includes(state))
  const conditions = (t: string): string[] => [
    `${t}.id > ${give(after, 'uuid')}`,
    ...(upTo === undefined ? [] : [`${t}.id <= ${give(upTo, 'uuid')}`]),
    ...(ids ? [`${t}.id = any (${give(ids, 'uuid[]')})`] : []),
    ...(definitions ? [`${t}.definition = any (${give(definitions, 'text[]')})`] : []),
    ...(queue === undefined ? [] : [`${t}.queue = ${give(queue, 'int')}`]),
    ...(key === undefined ? [] : [`${t}.key = ${give(key, 'text')}`]),
    ...(errorCode === undefined ? [] : [`${t}.failure::json ->> 'code' = ${give(errorCode, 'text')}`]),
    ...(enqueuedAfter === undefined
      ? []
      : [`${t}.enqueued_at >= to_timestamp(${give(enqueuedAfter, 'float8')} / 1000)`]),
    ...(enqueuedBefore === undefined
      ? []
      : [`${t}.enqueued_at < to_timestamp(${give(enqueuedBefore, 'float8')} / 1000)`]),
  ]
  const select = (from: string, t: string, more: readonly string[]): string => `
  select ${t}.id
  from ${from}
  where ${[...conditions(t), ...more].join('\n    and ')}`
  const found: string[] = []
  if (may(['broken'])) found.push(select(`${schema}.broken_item b`, 'b', []))
  if (may(waitingStates)) {
    const isOne = states && [
      `case when t.state = 'running' then 'running' else w.state end = any (${give(states, 'text[]')})`,
    ]
    const from = `${schema}.waiting_item w${isOne ? `\n  left join ${schema}.tracked_item t on t.id = w.id` : ''}`
    found.push(select(from, 'w', isOne ?? []))
  }
  if (may(trackedStates)) {
    const sought = states?.filter((state) => trackedStates.includes(state))
    const more = sought ? [`t.state = any (${give(sought, 'text[]')})`] : []
    // By the index of what has not ended.
    if (sought?.every((state) => openStates.includes(state))) more.push('t.ended_at is null')
    // What has ended lies in no lane.
    if (!sought?.every((state) => endedStates.includes(state)))
      for (const lane of ['broken_item', 'waiting_item'])
        more.push(`not exists (select from ${schema}.${lane} l where l.id = t.id)`)
    found.push(select(`${schema}.tracked_item t`, 't', more))
  }
  return found
}

const firstId = '00000000-0000-0000-0000-000000000000'

/** The next items that match, behind `after`, in the order of their ids. */
export async function readMatching(
  runner: Runner,
  schema: string,
  filter: ItemFilter,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const values: unknown[] = []
  const give = giveInto(values)
  const most = give(limit, 'int')
  const parts = branches(quotedSchema(schema), filter, after ?? firstId, give)
  if (parts.length === 0) return []
  const each = parts.map((part) => `(${part}\n  order by id\n  limit ${most})`)
  const text = `
  select m.id
  from (
  ${each.join('\n  union all\n  ')}
  ) as m
  order by m.id
  limit ${most}`
  const rows = await runner.run({ text }, values)
  return rows.map((row) => row['id'] as string)
}

/** How many items match; at most `limit` are counted. */
export async function countMatching(
  runner: Runner,
  schema: string,
  filter: ItemFilter,
  limit: number,
): Promise<number> {
  const values: unknown[] = []
  const give = giveInto(values)
  const most = give(limit, 'int')
  const parts = branches(quotedSchema(schema), filter, firstId, give)
  if (parts.length === 0) return 0
  const text = `
  select count(*)::int as items
  from (
  ${parts.join('\n  union all')}
  limit ${most}
  ) as counted`
  const [row] = await runner.run({ text }, values)
  return row?.['items'] as number
}

const ended = statement(
  'ends-of-items',
  (schema) => `
  select i.id, case when b.id is not null then 'broken' when w.id is not null then w.state else t.state end as state
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
