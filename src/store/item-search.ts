import type { Driver, Runner } from './driver.ts'
import { conditionsOf, giveInto, tables, type Give, type ItemFilter, type Place } from './item-filter.ts'
import { readGroups, type GroupPlace, type ItemGroup } from './item-groups.ts'
import {
  alwaysFits,
  byAccess,
  byGroups,
  byId,
  byPrefix,
  bySelective,
  candidatesOf,
  countRows,
  isSelective,
  type GivenRange,
  type Way,
} from './item-ways.ts'
import { quotedSchema } from './schema-name.ts'
import { statement } from './statement.ts'

/** Both ends are among them. */
export interface IdRange {
  readonly first: string
  readonly last: string
}

/** Rows of one table that may be meant. */
interface Source {
  readonly place: Place
  /** Conditions of a partial index. */
  readonly where: readonly string[]
  /** Read each by itself; undefined: in the order of the ids. */
  readonly groups: readonly ItemGroup[] | undefined
}

/** What is known of a search before its first step. */
export interface SearchPlan {
  readonly filter: ItemFilter
  readonly sources: readonly Source[]
}

const stepTimeoutMs = 6_000

const settings = statement(
  'read-by-index',
  () => `
  select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)`,
)

/**
 * A transaction that reads by indexes alone, row by row. The planner knows little of what operators ask for: where it thinks that much
 * fits, it would read a table whole, or another index and sort what it finds, to get at the first page; or compile for longer than it takes to read.
 */
export function readByIndex<T>(
  driver: Driver,
  schema: string,
  read: (runner: Runner) => Promise<T>,
): Promise<T> {
  return driver.transaction(
    async (tx) => {
      await tx.run(settings(schema))
      return read(tx)
    },
    { timeoutMs: stepTimeoutMs },
  )
}

const laneStates = ['ready', 'scheduled', 'held', 'deferred']
/** Open ones that only tracked rows may tell of. */
const openStates = ['ready', 'running', 'held']

/** Finds out which tables may hold what is meant, and in which parts of them. */
export async function planSearch(runner: Runner, schema: string, filter: ItemFilter): Promise<SearchPlan> {
  const { queue, definitions } = filter
  const sources: Source[] = []
  for (const { place, group, states, where } of sourcesOf(filter)) {
    const groups =
      group &&
      (await readGroups(
        runner,
        schema,
        group,
        (one) =>
          (queue === undefined || one.queue === queue) &&
          (!definitions || definitions.includes(one.definition)) &&
          (!states || one.state === undefined || states.includes(one.state)),
      ))
    if (groups?.length !== 0) sources.push({ place, where, groups })
  }
  return { filter, sources }
}

interface SoughtSource extends Omit<Source, 'groups'> {
  /** Where its groups are told apart, if they are to be. */
  readonly group?: GroupPlace
  readonly states?: readonly string[]
}

/** In which tables, and where in them, items may be that are meant. */
function sourcesOf(filter: ItemFilter): SoughtSource[] {
  const { states, queue, definitions, errorCode } = filter
  const sought = (names: readonly string[]): readonly string[] | undefined =>
    states?.filter((state) => names.includes(state))
  const may = (names: readonly string[]): boolean => sought(names)?.length !== 0
  const isGrouped = queue !== undefined || definitions !== undefined
  // What has an index of its own needs no groups.
  const isOwn = isSelective(filter) || filter.keyPrefix !== undefined || filter.accessGroup !== undefined
  const isOwnInLane = isOwn || errorCode !== undefined || filter.fingerprint !== undefined || filter.blocks
  const found: SoughtSource[] = []
  if (may(['broken']))
    found.push({
      place: 'b',
      where: filter.blocks ? ['b.blocks'] : [],
      ...(isGrouped && !isOwnInLane && { group: 'broken' }),
    })
  if (filter.fingerprint !== undefined || filter.blocks) return found
  if (may(laneStates)) {
    const inLane = sought(laneStates)
    const isApart = (isGrouped || inLane !== undefined) && !isOwnInLane
    found.push({
      place: 'w',
      where: [],
      ...(isApart && { group: 'waiting', ...(inLane && { states: inLane }) }),
    })
  }
  if (!may([...openStates, 'succeeded', 'cancelled'])) return found
  if (isSelective(filter) || (states === undefined && !isGrouped && errorCode === undefined))
    return [...found, { place: 't', where: [] }]
  // Of what failed all else is in a lane, or has succeeded since.
  const mayEnded = errorCode === undefined && may(['succeeded'])
  const open = errorCode === undefined ? sought(openStates) : (sought(['running']) ?? ['running'])
  if (open?.length !== 0)
    found.push({ place: 't', where: ['t.ended_at is null'], group: 'open', ...(open && { states: open }) })
  if (mayEnded)
    found.push({ place: 't', where: ['t.ended_at is not null'], ...(!isOwn && { group: 'ended' }) })
  else if (may(['cancelled'])) found.push({ place: 't', where: ['t.reason is not null'], group: 'cancelled' })
  return found
}

export interface StepOptions {
  readonly direction: 'asc' | 'desc'
  readonly range: IdRange
  /** Of the time, in hexadecimal, where the filter asks for what is kept by these. */
  readonly parts: readonly string[]
  /** How many rows of each table are looked at. */
  readonly candidates: number
  /** How many are answered of each table. */
  readonly limit: number
  /** Only how many there are is answered; not with a text, for which logs are read. */
  readonly isCount?: boolean
}

export interface SearchStep {
  /** In order; none where they are only counted. */
  readonly ids: readonly string[]
  readonly count: number
  /** All up to this one have been looked at; undefined: all of the range. */
  readonly end: string | undefined
}

/** So many index entries are read at once where groups are put together, or a page of each. */
const maxRowsOfGroups = 40_000
/** So many rows may be read whole and sorted. */
const maxLittle = 5_000
/** Lines of item logs that are looked at for each candidate. */
const linesPerCandidate = 20

/** Looks at so many candidates, and answers those that fit. */
export async function searchItems(
  runner: Runner,
  schema: string,
  plan: SearchPlan,
  options: StepOptions,
): Promise<SearchStep> {
  const quoted = quotedSchema(schema)
  const ways = new Map<Source, Way>()
  for (const source of plan.sources)
    if (plan.filter.keyPrefix !== undefined && !isSelective(plan.filter)) {
      const way = await littleWay(runner, quoted, source, plan.filter.keyPrefix, options)
      if (way) ways.set(source, way)
    }
  const values: unknown[] = []
  const text = stepText(quoted, plan, options, giveInto(values), (source, give) =>
    ways.has(source)
      ? byPrefix(source.place, plan.filter.keyPrefix ?? '', options.parts, give)
      : wayOf(quoted, plan.filter, source, options, give),
  )
  if (text === undefined) return { ids: [], count: 0, end: undefined }
  const rows = await runner.run({ text }, values)
  return putTogether(rows as unknown as FoundRow[], options)
}

/** The way by the beginning of the key, where that is a way to little. */
async function littleWay(
  runner: Runner,
  schema: string,
  { place }: Source,
  prefix: string,
  { range, parts }: StepOptions,
): Promise<Way | undefined> {
  const values: unknown[] = []
  const give = giveInto(values)
  const way = byPrefix(place, prefix, parts, give)
  const text = countRows(schema, way, giveRange(range, give), give(maxLittle + 1, 'int'))
  const [row] = await runner.run({ text }, values)
  return (row?.['rows'] as number) > maxLittle ? undefined : way
}

function wayOf(
  schema: string,
  filter: ItemFilter,
  { place, where, groups }: Source,
  { parts }: StepOptions,
  give: Give,
): Way {
  const selective = bySelective(schema, place, filter, parts, give)
  if (selective) return { ...selective, where: [...selective.where, ...where] }
  if (groups) return byGroups(place, groups, where, give)
  if (filter.accessGroup !== undefined) {
    const access = byAccess(schema, place, filter.accessGroup, give)
    return { ...access, where: [...access.where, ...where] }
  }
  return byId(place, where)
}

function giveRange({ first, last }: IdRange, give: Give): GivenRange {
  return { first: give(first, 'uuid'), last: give(last, 'uuid') }
}

interface FoundRow {
  readonly kind: 'item' | 'end' | 'count'
  readonly id: string
}

/**
 * Candidates of each source, then those that fit. The last candidate of a source that has more is its end; what lies beyond the
 * nearest end is left to the next step.
 */
function stepText(
  schema: string,
  { filter, sources }: SearchPlan,
  { direction, range, candidates, limit, isCount }: StepOptions,
  give: Give,
  toWay: (source: Source, give: Give) => Way,
): string | undefined {
  if (sources.length === 0) return undefined
  const most = isCount ? '' : give(limit, 'int')
  const needle = filter.text === undefined ? undefined : givenText(filter.text, give)
  const parts: string[] = []
  const ends: string[] = []
  sources.forEach((source, at) => {
    const { place, groups } = source
    const perGroup = Math.floor(maxRowsOfGroups / (groups?.length ?? 1))
    const count = give(Math.max(limit, Math.min(candidates, perGroup)), 'int')
    const way = toWay(source, give)
    const conditions = conditionsOf(schema, place, filter, way.isInGroup === true, give)
    const open = filter.open && give(filter.open, 'text[]')
    const fit = fitOf(place, conditions, needle, open)
    const range_ = giveRange(range, give)
    const found = candidatesOf(schema, way, range_, fit, direction, count)
    parts.push(`c${at} as materialized (${found}\n  )`)
    ends.push(`(select id from c${at} order by id ${direction} offset ${count} - 1 limit 1)`)
  })
  const nearest = direction === 'desc' ? 'greatest' : 'least'
  parts.push(`stop as materialized (\n    select ${nearest}(${ends.join(', ')}) as id\n  )`)
  const lines = needle ? give(candidates * linesPerCandidate, 'int') : ''
  if (needle) parts.push(loggedText(schema, range, direction, needle, lines, give))
  const fits = needle ? `(fit = 2 or fit = 1 and id in (select id from logged where hit))` : 'fit = 2'
  const branches = isCount
    ? [countText(sources.length, fits, direction)]
    : sources.map(
        (_, at) =>
          `(select 'item' as kind, id::text from c${at} where ${fits} order by id ${direction} limit ${most})`,
      )
  branches.push(`select 'end', id::text from stop where id is not null`)
  if (needle)
    branches.push(`(select 'end', id::text from logged order by id ${direction} offset ${lines} - 1 limit 1)`)
  return `
  with ${parts.join(', ')}
  ${branches.join('\n  union all\n  ')}`
}

/** An item may be told of by its lane and by its tracked row. */
function countText(sources: number, fits: string, direction: 'asc' | 'desc'): string {
  const isWithin = `((select id from stop) is null or id ${direction === 'desc' ? '>=' : '<='} (select id from stop))`
  const each = Array.from(
    { length: sources },
    (_, at) => `select id from c${at} where ${fits} and ${isWithin}`,
  )
  return `select 'count' as kind, count(distinct id)::text as id from (${each.join(' union all ')}) as f`
}

interface Needle {
  /** As it stands in messages. */
  readonly plain: string
  /** As it stands in JSON. */
  readonly quoted: string
}

function givenText(text: string, give: Give): Needle {
  return {
    plain: `lower(${give(text, 'text')})`,
    quoted: `lower(${give(JSON.stringify(text).slice(1, -1), 'text')})`,
  }
}

/** 2: it fits; 1: it does if its log says so; 0: it does not. */
function fitOf(
  place: Place,
  conditions: readonly string[],
  needle: Needle | undefined,
  open: string | undefined,
): string {
  if (conditions.length === 0 && !needle) return alwaysFits
  const all = conditions.length === 0 ? 'true' : conditions.join('\n      and ')
  if (!needle) return `case when ${all} then 2 else 0 end`
  const columns =
    place === 't' ? ['t.input', 't.result', 't.failure'] : [`${place}.entry`, `${place}.failure`]
  const holds = columns.map((column) => `strpos(lower(${column}), ${needle.quoted}) > 0`)
  // How long it takes, and where a page ends, is not to tell what operators may not see.
  if (open !== undefined) holds.unshift(`${place}.definition <> all (${open})`)
  return `case when not coalesce(${all}, false) then 0 when ${holds.join(' or ')} then 2 else 1 end`
}

/** What the logs say of the candidates: of the range from where they begin to where they end. */
function loggedText(
  schema: string,
  { first, last }: IdRange,
  direction: 'asc' | 'desc',
  { plain, quoted }: Needle,
  lines: string,
  give: Give,
): string {
  const stop = '(select id from stop)'
  const from = direction === 'desc' ? `coalesce(${stop}, ${give(first, 'uuid')})` : give(first, 'uuid')
  const to = direction === 'desc' ? give(last, 'uuid') : `coalesce(${stop}, ${give(last, 'uuid')})`
  return `logged as materialized (
    select l.id, strpos(lower(l.message), ${plain}) > 0 or coalesce(strpos(lower(l.data), ${quoted}) > 0, false) as hit
    from (
      select g.id, g.message, g.data
      from ${schema}.item_log g
      where g.id >= ${from} and g.id <= ${to}
      order by g.id ${direction}
      limit ${lines}
    ) as l
  )`
}

function putTogether(rows: readonly FoundRow[], { direction, limit }: StepOptions): SearchStep {
  const isBefore = (one: string, other: string): boolean => (direction === 'desc' ? one > other : one < other)
  let end: string | undefined
  for (const { kind, id } of rows) if (kind === 'end' && (end === undefined || isBefore(id, end))) end = id
  const reach = end
  // An item may be told of by its lane and by its tracked row.
  const ids = new Set(
    rows
      .filter(({ kind, id }) => kind === 'item' && (reach === undefined || !isBefore(reach, id)))
      .map(({ id }) => id),
  )
  const sorted = [...ids].toSorted((one, other) => (isBefore(one, other) ? -1 : 1))
  const counted = rows.find(({ kind }) => kind === 'count')
  if (counted) return { ids: [], count: Number(counted.id), end }
  if (sorted.length < limit) return { ids: sorted, count: sorted.length, end }
  // A source tells of no more than the limit: beyond it there may be others.
  const some = sorted.slice(0, limit)
  return { ids: some, count: some.length, end: some.at(-1) }
}

const edges = (schema: string): string =>
  Object.values(tables)
    .map(
      (table) => `
  (select i.id, 'first' as edge from ${schema}.${table} i order by i.id limit 1)
  union all
  (select i.id, 'last' from ${schema}.${table} i order by i.id desc limit 1)`,
    )
    .join('\n  union all')

/** The first and the last id of all items; undefined where there are none. */
export async function readEdges(runner: Runner, schema: string): Promise<IdRange | undefined> {
  const rows = await runner.run({ text: edges(quotedSchema(schema)) })
  const ids = rows.map((row) => row['id'] as string).toSorted()
  const [first] = ids
  const last = ids.at(-1)
  return first === undefined || last === undefined ? undefined : { first, last }
}
