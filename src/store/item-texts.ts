import type { Runner } from './driver.ts'
import { entryJson } from './entry-json.ts'
import { statement } from './statement.ts'

/** What an item holds, as JSON. */
export interface ItemTexts {
  readonly id: string
  readonly definition: string
  readonly input: string | null
  /** Payloads that acts have replaced, the oldest first; a JSON array. */
  readonly before: string | null
  readonly result: string | null
  readonly failure: string | null
  /** Lines of its log: a JSON array of events, messages and their data, all text. */
  readonly lines: string | null
}

/** Payloads that an item had before are read up to so many; what has more is hidden whole. */
export const maxBefore = 50
/** Of lines that handlers wrote so many are read from the beginning, and from the end. */
const linesAtEnds = 250

const events = (schema: string): string => `
      select g.at, g.data
      from ${schema}.item_log g
      where g.id = i.id and g.event <> 'log' and g.event in ('edited', 'requeued') and g.data like '%"before"%'
      order by g.at
      limit ${maxBefore + 1}`

const lines = (schema: string, direction: 'asc' | 'desc'): string => `
      (
        select g.ctid, g.at, g.event, g.message, g.data
        from ${schema}.item_log g
        where g.id = i.id
        order by g.at ${direction}
        limit ${linesAtEnds}
      )`

const joins = (schema: string): string => `
  left join ${schema}.broken_item b on b.id = i.id
  left join ${schema}.waiting_item w on w.id = i.id
  left join ${schema}.tracked_item t on t.id = i.id
  where coalesce(b.id, w.id, t.id) is not null`

// Lengths are known without reading what is long.
const sizes = statement(
  'sizes-of-items',
  (schema) => `
  select i.id,
    coalesce(octet_length(coalesce(b.entry, w.entry, t.input)), 0)
      + case when $2::boolean then coalesce(octet_length(t.result), 0) else 0 end
      + coalesce((select sum(octet_length(e.data))::int from (${events(schema)}) as e), 0) as size
  from unnest($1::uuid[]) with ordinality as i(id, n)
  ${joins(schema)}
  order by i.n`,
)

const texts = statement(
  'texts-of-items',
  (schema) => `
  select i.id, coalesce(b.definition, w.definition, t.definition) as definition,
    coalesce((${entryJson('b.entry')} -> 'i')::text, (${entryJson('w.entry')} -> 'i')::text, t.input) as input,
    (select json_agg(${entryJson('e.data')} -> 'before' order by e.at)::text from (${events(schema)}) as e) as before,
    case when $2::boolean then t.result end as result, coalesce(b.failure, w.failure, t.failure) as failure,
    case when $2::boolean then (
      select json_agg(json_build_array(l.event, l.message, l.data) order by l.at)::text
      from (${lines(schema, 'asc')} union ${lines(schema, 'desc')}) as l
    ) end as lines
  from unnest($1::uuid[]) with ordinality as i(id, n)
  ${joins(schema)}
  order by i.n`,
)

/** So many characters are read at once, or one item. */
const maxCharacters = 4_000_000

/**
 * Ids in portions that are read at once, in their order, without those that are gone: payloads may be long.
 * @param withAll with results
 */
export async function readPortions(
  runner: Runner,
  schema: string,
  ids: readonly string[],
  withAll: boolean,
): Promise<string[][]> {
  if (ids.length === 0) return []
  const portions: string[][] = []
  let size = Infinity
  for (const row of await runner.run(sizes(schema), [ids, withAll])) {
    size += row['size'] as number
    if (size > maxCharacters) {
      portions.push([])
      size = row['size'] as number
    }
    portions.at(-1)?.push(row['id'] as string)
  }
  return portions
}

/**
 * What items hold and held before, without those that are gone.
 * @param withAll with results, and with what their logs say
 */
export async function readItemTexts(
  runner: Runner,
  schema: string,
  ids: readonly string[],
  withAll: boolean,
): Promise<ItemTexts[]> {
  return (await runner.run(texts(schema), [ids, withAll])) as unknown as ItemTexts[]
}
