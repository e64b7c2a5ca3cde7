import { firstIdOf, idBeside, lastIdOf } from '../base/ids.ts'
import type { OpenDatabase } from '../store/database.ts'
import { countByState, isCountable, type StateCount } from '../store/item-counts.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import {
  planSearch,
  readByIndex,
  readEdges,
  searchItems,
  type IdRange,
  type SearchPlan,
  type SearchStep,
} from '../store/item-search.ts'

/**
 * Looks at items that were found, in order, and no further once `isOver`.
 * @returns those that are kept, and how many it has looked at: one at least
 */
export type Keep = (
  ids: readonly string[],
  isOver: () => boolean,
) => Promise<{ readonly ids: readonly string[]; readonly lookedAt: number }>

export interface FindOptions {
  readonly order: 'newest' | 'oldest'
  readonly limit: number
  /** Behind this one. */
  readonly after?: string | undefined
  /** When it is to stop looking, a step later at most; unless set, when all is found. */
  readonly budgetMs?: number
  /** Stops looking, a step later at most. */
  readonly signal?: AbortSignal | undefined
  /** Which of those that were found are kept. */
  readonly keep?: Keep | undefined
}

/** What a search found, in order. */
export interface FoundItems {
  readonly ids: readonly string[]
  /** Behind which to go on; undefined: there are no more. */
  readonly next: string | undefined
  /** It has looked no further than `next`: its time was over, or it was stopped. */
  readonly isCut: boolean
}

/** How far the time in an id may be from when the item was accepted: a flush is sent again for a minute, and clocks differ. */
const slackMs = 180_000
const maxCandidates = 20_000
const leastCandidates = 500
/** A step should take about as long: shorter ones look at more the next time, longer ones at less. */
const stepMs = 60
/** Milliseconds of a part of the time: ids are kept by their first three bytes. */
const partMs = 2 ** 24
const firstParts = 64
const maxParts = 1_024

/**
 * Finds items by a filter, in steps that look at ever more, each of them bounded: however rare what is meant is, no statement reads
 * more than some ten thousand rows, or a page of each group.
 */
export async function findItems(
  database: OpenDatabase,
  filter: ItemFilter,
  { order, limit, after, budgetMs, signal, keep }: FindOptions,
): Promise<FoundItems> {
  const found: string[] = []
  const walk: Walk = {
    order,
    after,
    budgetMs,
    signal,
    limit,
    // One more than are wanted tells whether there are more.
    wanted: () => limit + 1 - found.length,
    isCount: false,
    take: async ({ ids }, isOver) => {
      const kept = keep ? await keep(ids, isOver) : { ids, lookedAt: ids.length }
      found.push(...kept.ids)
      return kept.lookedAt
    },
  }
  const end = await walkItems(database, filter, walk)
  if (found.length > limit) return { ids: found.slice(0, limit), next: found[limit - 1], isCut: false }
  return { ids: found, next: end, isCut: end !== undefined }
}

/** How many items match; at most `limit` are counted, and for no longer than `budgetMs`. */
export async function countItems(
  database: OpenDatabase,
  filter: ItemFilter,
  limit: number,
  { budgetMs, keep }: Pick<FindOptions, 'budgetMs' | 'keep'> = {},
): Promise<{ readonly count: number; readonly isAtLeast: boolean }> {
  let count = 0
  const end = await walkItems(database, filter, {
    order: 'newest',
    after: undefined,
    budgetMs,
    limit: countStep,
    wanted: () => Math.min(limit + 1 - count, countStep),
    isCount: keep === undefined && filter.text === undefined,
    take: async (step, isOver) => {
      const kept = await keep?.(step.ids, isOver)
      count += kept ? kept.ids.length : step.count
      return kept?.lookedAt ?? step.ids.length
    },
  })
  return { count: Math.min(count, limit), isAtLeast: count > limit || end !== undefined }
}

const countStep = 4_000

/** How many items match, by state; up to `limit` of each, as far as each state gets in its share of the time. */
export async function countStates(
  database: OpenDatabase,
  filter: ItemFilter,
  states: readonly string[],
  limit: number,
  budgetMs: number,
): Promise<Map<string, StateCount>> {
  const { driver, schema } = database
  const until = performance.now() + budgetMs
  if (isCountable(filter)) {
    const counts = await readByIndex(driver, schema, async (runner) => {
      const edges = await readEdges(runner, schema)
      const range = edges && rangeOf(filter, edges, 'newest', undefined)
      if (!range) return new Map(states.map((state) => [state, { count: 0, isAtLeast: false }] as const))
      return countByState(runner, schema, filter, range, states, limit)
    })
    if (counts) return counts
  }
  const counts = new Map<string, StateCount>()
  for (const [at, state] of states.entries()) {
    const share = Math.max(until - performance.now(), 0) / (states.length - at)
    counts.set(state, await countItems(database, { ...filter, states: [state] }, limit, { budgetMs: share }))
  }
  return counts
}

/** One way through all that matches. */
interface Walk {
  readonly order: FindOptions['order']
  readonly after: string | undefined
  readonly budgetMs: number | undefined
  readonly signal?: AbortSignal | undefined
  /** About how many are wanted. */
  readonly limit: number
  /** How many more are wanted; none: it is over. */
  readonly wanted: () => number
  readonly isCount: boolean
  /** @returns how many of its ids it has looked at: all of them, unless the time is over */
  readonly take: (step: SearchStep, isOver: () => boolean) => Promise<number>
}

/** @returns up to where it has looked when its time was over or it was stopped; undefined where enough, or all, was found */
async function walkItems(
  { driver, schema }: OpenDatabase,
  filter: ItemFilter,
  { order, after, budgetMs = Infinity, signal, limit, wanted, isCount, take }: Walk,
): Promise<string | undefined> {
  const startedAt = performance.now()
  const isOver = (): boolean => signal?.aborted === true || performance.now() - startedAt > budgetMs
  const direction = order === 'newest' ? 'desc' : 'asc'
  const { edges, plan } = await readByIndex(driver, schema, async (runner) => ({
    edges: await readEdges(runner, schema),
    plan: await planSearch(runner, schema, filter),
  }))
  let range = edges && rangeOf(filter, edges, order, after)
  let candidates = firstCandidates(plan, limit)
  let partCount = firstParts
  while (range && wanted() > 0) {
    const stepAt = performance.now()
    const part: { range: IdRange; parts: string[] } = usesParts(filter)
      ? partOf(range, order, partCount)
      : { range, parts: [] }
    const options = { direction, ...part, candidates, limit: wanted(), isCount } as const
    const step = await readByIndex(driver, schema, (runner) => searchItems(runner, schema, plan, options))
    const lookedAt = await take(step, isOver)
    // Nobody is to wait for what is left of the step.
    if (lookedAt < step.ids.length) return step.ids[lookedAt - 1]
    const end = step.end ?? (order === 'newest' ? part.range.first : part.range.last)
    range = beyond(range, end, order)
    if (range && wanted() > 0 && isOver()) return end
    const factor = growthAfter(performance.now() - stepAt)
    candidates = Math.max(Math.min(Math.floor(candidates * factor), maxCandidates), leastCandidates)
    partCount = Math.min(Math.ceil(partCount * factor), maxParts)
  }
  return undefined
}

function growthAfter(tookMs: number): number {
  if (tookMs < stepMs / 4) return 4
  if (tookMs < stepMs) return 2
  return tookMs < 2 * stepMs ? 1 : 0.5
}

function firstCandidates({ filter, sources }: SearchPlan, limit: number): number {
  const { key, keyPrefix, correlationId, causationId, traceId, caller } = filter
  const { accessGroup, errorCode, fingerprint, text } = filter
  const asked = [
    key,
    keyPrefix,
    correlationId,
    causationId,
    traceId,
    caller,
    accessGroup,
    errorCode,
    fingerprint,
    text,
  ]
  const isPlain = asked.every((each) => each === undefined) && sources.every(({ groups }) => groups)
  return isPlain ? limit + 1 : Math.max(limit + 1, Math.min(4 * (limit + 1), 2_000), 1_000)
}

/** Whether the time is looked at part by part. */
function usesParts({ ids, key, keyPrefix, correlationId }: ItemFilter): boolean {
  return ids === undefined && (key !== undefined || correlationId !== undefined || keyPrefix !== undefined)
}

/** Where what is meant may lie; undefined where nothing can. */
function rangeOf(
  { enqueuedAfter, enqueuedBefore, upTo }: ItemFilter,
  edges: IdRange,
  order: FindOptions['order'],
  after: string | undefined,
): IdRange | undefined {
  const firsts = [edges.first]
  const lasts = [edges.last]
  if (enqueuedAfter !== undefined) firsts.push(firstIdOf(Math.max(enqueuedAfter - slackMs, 0)))
  if (enqueuedBefore !== undefined) lasts.push(lastIdOf(enqueuedBefore + slackMs))
  if (upTo !== undefined) lasts.push(upTo)
  if (after !== undefined)
    (order === 'newest' ? lasts : firsts).push(idBeside(after, order === 'newest' ? -1 : 1))
  const first = firsts.toSorted().at(-1) as string
  const last = lasts.toSorted()[0] as string
  return first <= last ? { first, last } : undefined
}

/** What is left of a range behind an id. */
function beyond({ first, last }: IdRange, end: string, order: FindOptions['order']): IdRange | undefined {
  if (order === 'newest') return end > first ? { first, last: idBeside(end, -1) } : undefined
  return end < last ? { first: idBeside(end, 1), last } : undefined
}

/** The next parts of the time of a range, and what of it lies in them. */
function partOf(
  { first, last }: IdRange,
  order: FindOptions['order'],
  count: number,
): { readonly range: IdRange; readonly parts: string[] } {
  const [low, high] = [partAt(first), partAt(last)]
  const [from, to] =
    order === 'newest' ? [Math.max(low, high - count + 1), high] : [low, Math.min(high, low + count - 1)]
  const parts = Array.from({ length: to - from + 1 }, (_, at) => (from + at).toString(16).padStart(6, '0'))
  return {
    range: {
      first: from > low ? firstIdOf(from * partMs) : first,
      last: to < high ? idBeside(firstIdOf((to + 1) * partMs), -1) : last,
    },
    parts,
  }
}

function partAt(id: string): number {
  return Number.parseInt(id.slice(0, 6), 16)
}
