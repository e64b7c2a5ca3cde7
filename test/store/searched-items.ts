import { createRowId } from '../../src/base/ids.ts'
import type { OpenDatabase } from '../../src/store/database.ts'
import type { ItemFilter } from '../../src/store/item-filter.ts'

/** An item as it is in the tables, and as a search should find it. */
export interface SearchedItem {
  readonly id: string
  /** Where there are rows of it. */
  readonly places: readonly ('tracked' | 'waiting' | 'broken')[]
  /** As a whole; the tracked row may say another one. */
  readonly state: string
  readonly tracked: string
  readonly queue: number
  readonly definition: string
  readonly key: string | null
  readonly at: number
  readonly context: Readonly<Record<string, string>> | null
  readonly input: string
  readonly code: string | null
  readonly line: string | null
}

const monthMs = 30 * 86_400_000

/** Random items of a month, the oldest first. @param random 0 to 1 */
export function makeItems(count: number, now: number, random: () => number): SearchedItem[] {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const items = Array.from({ length: count }, (_, at): SearchedItem => {
    const state = pick([
      ...Array.from({ length: 8 }, () => 'succeeded'),
      'ready',
      'running',
      'scheduled',
      'held',
      'deferred',
      'broken',
      'cancelled',
    ])
    const queue = pick([1, 1, 1, 2, 3])
    const time = now - Math.floor(monthMs * (1 - at / count))
    const context = pick([true, false])
      ? {
          correlationId: pick(['c-1', 'c-2', 'ü', `c-${at}`]),
          ...(pick([true, false]) && { caller: pick(['key:a', 'key:b']) }),
          ...(pick([true, false]) && { accessGroup: pick(['north', 'south']) }),
          ...(pick([true, false]) && { causationId: pick(['p-1', 'p-2']) }),
          ...(at % 3 > 0 && { traceparent: `00-${traceOf(at % 50)}-00f067aa0ba902b7-01` }),
        }
      : null
    const isTracked = ['succeeded', 'cancelled', 'running'].includes(state) || pick([true, true, false])
    const ready = state === 'ready' ? pick(['tracked', 'waiting'] as const) : undefined
    const isWaiting =
      ['scheduled', 'deferred'].includes(state) ||
      (state === 'held' && pick([true, false])) ||
      (state === 'running' && pick([true, false])) ||
      ready === 'waiting'
    const places = [
      ...(isTracked || !(isWaiting || state === 'broken') ? (['tracked'] as const) : []),
      ...(isWaiting ? (['waiting'] as const) : []),
      ...(state === 'broken' ? (['broken'] as const) : []),
    ]
    return {
      id: createRowId(queue, at % 6, time),
      places,
      state,
      // A lane knows better than a tracked row that is late.
      tracked: isWaiting && state !== 'running' ? pick([state, 'ready']) : state,
      queue,
      definition: pick([`work-${queue}`, `work-${queue}`, 'everywhere', 'service:rare']),
      key: pick([null, 'a', 'ab', 'abc', 'b%', `key-${at % 50}`]),
      at: time,
      context,
      input: at % 300 === 7 ? 'a Rare word' : pick(['plain', 'Needle in it', 'per%cent', 'a "quote"']),
      code: ['scheduled', 'broken'].includes(state) ? pick(['TIMEOUT', 'HANDLER_FAILED']) : null,
      line: pick([null, null, null, 'the log has a NEEDLE', 'nothing']),
    }
  })
  return items.toSorted((one, other) => (one.id < other.id ? -1 : 1))
}

export function traceOf(number: number): string {
  return number.toString(16).padStart(32, 'a')
}

/** Whether a filter means an item. */
export function isMeant(item: SearchedItem, filter: ItemFilter): boolean {
  const { context, key } = item
  const text = filter.text?.toLowerCase()
  return (
    (!filter.states || filter.states.includes(item.state)) &&
    (filter.queue === undefined || filter.queue === item.queue) &&
    (!filter.definitions || filter.definitions.includes(item.definition)) &&
    (filter.key === undefined || filter.key === key) &&
    (filter.keyPrefix === undefined || (key?.startsWith(filter.keyPrefix) ?? false)) &&
    (filter.correlationId === undefined || filter.correlationId === context?.['correlationId']) &&
    (filter.traceId === undefined ||
      filter.traceId === (context as Record<string, string> | null)?.['traceparent']?.slice(3, 35)) &&
    (filter.causationId === undefined || filter.causationId === context?.['causationId']) &&
    (filter.caller === undefined || filter.caller === context?.['caller']) &&
    (filter.accessGroup === undefined || filter.accessGroup === context?.['accessGroup']) &&
    (filter.errorCode === undefined || filter.errorCode === item.code) &&
    (filter.enqueuedAfter === undefined || item.at >= filter.enqueuedAfter) &&
    (filter.enqueuedBefore === undefined || item.at < filter.enqueuedBefore) &&
    (!filter.ids || filter.ids.includes(item.id)) &&
    (filter.upTo === undefined || item.id <= filter.upTo) &&
    (text === undefined ||
      item.input.toLowerCase().includes(text) ||
      (item.code?.toLowerCase().includes(text) ?? false) ||
      (item.line?.toLowerCase().includes(text) ?? false))
  )
}

/** Puts them into the tables as the road would. */
export async function storeItems(
  { driver, schema }: OpenDatabase,
  items: readonly SearchedItem[],
): Promise<void> {
  const rows = JSON.stringify(
    items.map((item, position) => ({
      ...item,
      position,
      context: item.context && JSON.stringify(item.context),
      input: JSON.stringify({ text: item.input }),
      entry: JSON.stringify({
        d: item.definition,
        ...(item.context && { c: item.context }),
        i: { text: item.input },
      }),
      failure: item.code && JSON.stringify({ code: item.code, message: 'no' }),
    })),
  )
  const from = `json_to_recordset($1::json) as r(
    id uuid, places json, state text, tracked text, queue int, definition text, key text, at float8, context text, input text, entry text,
    failure text, line text, position bigint
  )`
  const has = (place: string): string =>
    `exists (select from json_array_elements_text(places) p where p = '${place}')`
  await driver.query(
    `insert into ${schema}.tracked_item (id, queue, definition, key, state, attempts, enqueued_at, ended_at, context, input, failure, reason)
    select id, queue, definition, key, tracked, 1, to_timestamp(at / 1000),
      case when tracked in ('succeeded', 'broken', 'cancelled') then to_timestamp(at / 1000) end, context, input, failure,
      case when tracked = 'cancelled' then 'operator' end
    from ${from} where ${has('tracked')}`,
    [rows],
  )
  await driver.query(
    `insert into ${schema}.waiting_item (id, queue, partition, generation, position, definition, scope, key, state, moves, entry, enqueued_at, failure)
    select id, queue, 0, 1, position, definition, definition, key, case when state = 'running' then 'scheduled' else state end, false, entry,
      to_timestamp(at / 1000), failure
    from ${from} where ${has('waiting')}`,
    [rows],
  )
  await driver.query(
    `insert into ${schema}.broken_item (id, queue, partition, generation, position, definition, scope, key, attempts, entry, enqueued_at, broken_at, failure)
    select id, queue, 0, 1, position, definition, definition, key, 3, entry, to_timestamp(at / 1000), to_timestamp(at / 1000), failure
    from ${from} where ${has('broken')}`,
    [rows],
  )
  await driver.query(
    `insert into ${schema}.item_log (id, at, attempt, event, message)
    select id, to_timestamp(at / 1000), 1, 'log', line from ${from} where line is not null`,
    [rows],
  )
}
