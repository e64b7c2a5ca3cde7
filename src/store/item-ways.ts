import { contextOf, tables, type Give, type ItemFilter, type Place } from './item-filter.ts'
import type { ItemGroup } from './item-groups.ts'

/**
 * A way through the rows of one table in the order of their ids, by one index: all that may fit, and few else. A query takes so
 * many candidates of each way, and looks at them more closely.
 */
export interface Way {
  readonly place: Place
  /** Conditions that the index answers. */
  readonly where: readonly string[]
  /** The index has an order for each of these and none over all: each is read, and then put together. */
  readonly each?: { readonly from: string; readonly matches: readonly string[] }
  /** What the index has before the id, and what that is to be of each. */
  readonly group?: { readonly columns: readonly string[]; readonly values: readonly string[] }
  /** Its rows are of the queue and the definitions that are asked for. */
  readonly isInGroup?: true
  /** What fits is known to be little, and in no order: it is read whole and sorted. */
  readonly isLittle?: true
}

/** By the primary key, or an index of ids alone. */
export function byId(place: Place, where: readonly string[] = []): Way {
  return { place, where }
}

/** By queue and definition, and in the lane and among what is open, by state. */
export function byGroups(
  place: Place,
  groups: readonly ItemGroup[],
  where: readonly string[],
  give: Give,
): Way {
  const queues = groups.map(({ queue }) => queue)
  const definitions = groups.map(({ definition }) => definition)
  const columns = [give(queues, 'int[]'), give(definitions, 'text[]')]
  const hasState = groups.some(({ state }) => state !== undefined)
  if (hasState)
    columns.push(
      give(
        groups.map(({ state }) => state),
        'text[]',
      ),
    )
  const names = hasState ? ['state', 'queue', 'definition'] : ['queue', 'definition']
  const collated = (table: string): string[] =>
    names.map((name) => `${table}.${name}${name === 'definition' ? ' collate "C"' : ''}`)
  const group = { columns: collated(place), values: collated('g') }
  const from = `unnest(${columns.join(', ')}) as g(queue, definition${hasState ? ', state' : ''})`
  return { place, where, each: { from, matches: [] }, group, isInGroup: true }
}

/** Whether the filter asks for something that has an index of its own in every table. */
export function isSelective(filter: ItemFilter): boolean {
  const { ids, key, correlationId, causationId, caller } = filter
  return [ids, key, correlationId, causationId, caller].some((each) => each !== undefined)
}

/**
 * By an index of exactly what the filter asks for; undefined where there is none.
 * @param parts of the time that a step looks at, in hexadecimal: indexes of what is spread are kept by these
 */
export function bySelective(
  schema: string,
  place: Place,
  filter: ItemFilter,
  parts: readonly string[],
  give: Give,
): Way | undefined {
  const { ids, key, correlationId, causationId, caller, fingerprint, errorCode } = filter
  if (ids) {
    const from = `unnest(${give(ids, 'uuid[]')}) as g(id)`
    return { place, where: [], each: { from, matches: [`${place}.id = g.id`] } }
  }
  if (key !== undefined) return inParts(place, keyIs(place, `= ${give(key, 'text')}`), parts, give)
  if (correlationId !== undefined)
    return inParts(place, hashed(schema, place, 'correlationId', correlationId, give), parts, give)
  if (causationId !== undefined) {
    const { value, mayHold } = contextOf(schema, place, 'causationId')
    const isOne = `left(${value}, 64) collate "C" = left(${give(causationId, 'text')}, 64)`
    return { place, where: [mayHold, isOne] }
  }
  if (fingerprint !== undefined && place === 'b')
    return { place, where: [`${schema}.fingerprint(b.definition, b.failure) = ${give(fingerprint, 'text')}`] }
  if (errorCode !== undefined && place !== 't') {
    const isOne = `${place}.failure::json ->> 'code' = ${give(errorCode, 'text')}`
    return { place, where: place === 'w' ? ['w.failure is not null', isOne] : [isOne] }
  }
  if (caller !== undefined) return { place, where: hashed(schema, place, 'caller', caller, give) }
  return undefined
}

/** By the beginning of the key, where few have it. */
export function byPrefix(place: Place, prefix: string, parts: readonly string[], give: Give): Way {
  const where = keyIs(place, `>= ${give(prefix, 'text')}`)
  const end = endOfPrefix(prefix)
  if (end !== undefined) where.push(`${place}.key collate "C" < ${give(end, 'text')}`)
  return { ...inParts(place, where, parts, give), isLittle: true }
}

/** By the access group of whoever may see no other. */
export function byAccess(schema: string, place: Place, accessGroup: string, give: Give): Way {
  return { place, where: hashed(schema, place, 'accessGroup', accessGroup, give) }
}

/** Part by part of the time; lanes are small enough to do without. */
function inParts(place: Place, where: string[], parts: readonly string[], give: Give): Way {
  if (place !== 't') return { place, where }
  const from = `(select decode(u.h, 'hex') as part from unnest(${give(parts, 'text[]')}) as u(h)) as g`
  return { place, where, each: { from, matches: ['substr(uuid_send(t.id), 1, 3) = g.part'] } }
}

function keyIs(place: Place, comparison: string): string[] {
  return [`${place}.key is not null`, `${place}.key collate "C" ${comparison}`]
}

function hashed(
  schema: string,
  place: Place,
  member: 'correlationId' | 'caller' | 'accessGroup',
  wanted: string,
  give: Give,
): string[] {
  const { value, mayHold } = contextOf(schema, place, member)
  return [mayHold, `hashtextextended(${value}, 0) = hashtextextended(${give(wanted, 'text')}, 0)`]
}

/** The first text behind all that begin so, in the order of code points; undefined where there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  while (points.length > 0) {
    const last = points.pop() ?? 0
    if (last === 0x10ffff) continue
    // Surrogates are no characters.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}

/** Both ends of what a step looks at, as they stand in its statement. */
export interface GivenRange {
  readonly first: string
  readonly last: string
}

/**
 * That a row lies within a range of ids. In a group, as one comparison of all that its index has: the planner would take any index
 * that begins with the id for as good, and walk through everybody's items of the time for each group.
 */
export function inRange({ place, group }: Way, { first, last }: GivenRange): string {
  if (!group) return `${place}.id >= ${first} and ${place}.id <= ${last}`
  const row = `(${[...group.columns, `${place}.id`].join(', ')})`
  const values = group.values.join(', ')
  return `${row} >= (${values}, ${first}) and ${row} <= (${values}, ${last})`
}

/** The order of the ids, as the index has it. */
export function orderOf({ place, group }: Way, direction: 'asc' | 'desc'): string {
  const columns = [...(group?.columns ?? []), `${place}.id`]
  return columns.map((column) => `${column} ${direction}`).join(', ')
}

/** The rows of a way, each table by its alias: without order. */
function rowsOf(schema: string, way: Way, range: GivenRange, end: string): string {
  const { place, where, each } = way
  const conditions = [...(each?.matches ?? []), ...where, inRange(way, range)].join(' and ')
  const table = `${schema}.${tables[place]} ${place}`
  const rows = `select ${place}.id from ${table} where ${conditions}${end}`
  return each ? `select x.id from ${each.from} cross join lateral (${rows}) as x` : rows
}

// As the index has them: else the planner might rather read the table, where it thinks that many fit.
function byKey({ place }: Way): string {
  return ` order by ${place}.key collate "C"`
}

/** How many rows a way that reads them whole would read, counted up to `most`. */
export function countRows(schema: string, way: Way, range: GivenRange, most: string): string {
  const rows = rowsOf(schema, way, range, `${byKey(way)} limit ${most}`)
  return `select count(*)::int as rows from (select r.id from (${rows}) as r limit ${most}) as counted`
}

/** What says so of every candidate: no row is looked at. */
export const alwaysFits = '2'

/**
 * The first candidates of a way, in order: `id`, and how it fits.
 * @param fit the expression; asked of the candidates alone
 */
export function candidatesOf(
  schema: string,
  way: Way,
  range: GivenRange,
  fit: string,
  direction: 'asc' | 'desc',
  most: string,
): string {
  const { place } = way
  const order = ` order by ${orderOf(way, direction)} limit ${most}`
  // With an order and a limit the planner might rather walk by id, and meet none of the few for long.
  const rows = way.isLittle
    ? `select r.id from (${rowsOf(schema, way, range, `${byKey(way)} offset 0`)}) as r`
    : rowsOf(schema, way, range, order)
  const found =
    fit === alwaysFits
      ? fit
      : `(select ${fit} from ${schema}.${tables[place]} ${place} where ${place}.id = c.id)`
  return `
    select c.id, ${found} as fit
    from (
      select c.id from (${rows}) as c order by c.id ${direction} limit ${most}
    ) as c`
}
