import type { ActKind } from '../base/act-kind.ts'
import { CoatcheckError, isCoatcheckError, type ErrorCode } from '../base/errors.ts'
import { parseItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import { unknownOption } from '../base/suggestion.ts'
import { itemStates, type ItemState } from '../define/item.ts'
import type { DecidedKind } from '../engine/act-decision.ts'
import type { ActDesk } from '../engine/act-desk.ts'
import type { FindOptions } from '../engine/item-search.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { readAsking, readDate, type ActOptions, type DeferOptions } from './act-options.ts'
import { redriveItems, type RedriveOptions, type RedriveReport } from './redrive.ts'
import { maxLimit, readLimit } from './selection-limit.ts'

/** Which items are meant: all that fit every member that is given. */
export interface ItemSelector {
  /** Name of the queue processor or service. */
  readonly processor?: string
  /** Name of the queue. */
  readonly queue?: string
  readonly state?: ItemState | readonly ItemState[]
  readonly key?: string
  /** The code of the last attempt's failure. */
  readonly errorCode?: string
  readonly enqueuedAfter?: Date
  readonly enqueuedBefore?: Date
  /** At most 10,000. */
  readonly ids?: readonly string[]
}

export interface BulkOptions extends ActOptions {
  /** How many items at most; 10,000 unless set, at most 1,000,000. */
  readonly limit?: number
  /** Ends it: no more items are asked for, and the report says what came of those that were. */
  readonly signal?: AbortSignal
  /** Told now and then how far it is. */
  readonly onProgress?: (progress: BulkProgress) => void
}

/** How far an act on many items is. */
export interface BulkProgress {
  /** Items that were met. */
  readonly items: number
  readonly applied: number
  readonly refused: number
  /** Acts without a verdict yet. */
  readonly pending: number
}

/** What came of an act on many items. */
export interface BulkReport {
  /** Items that were met. */
  readonly items: number
  readonly applied: number
  readonly refused: number
  /** Acts without a verdict yet; they are durable, and are decided by whoever owns the items' partitions. */
  readonly pending: number
  /** Of the refused, the first 100: in which state the item was, or which error it met. */
  readonly refusals: readonly {
    readonly id: string
    readonly state?: ItemState | 'missing'
    readonly error?: ErrorCode
  }[]
  /** There were more: than `limit`, or than were met when `signal` ended it. */
  readonly hasMore: boolean
}

/**
 * Items by a filter, and acts on all of them. Read page by page in the order of their ids, so that none is met twice; what is
 * accepted after an act was called is none of its items. Items are
 * seen a second after they were accepted; a queue with `tracking: 'failures'` shows only what waits or is broken.
 */
export interface Selection {
  /** How many match; at most 1,000,000 are counted. */
  count(): Promise<number>
  cancel(options?: BulkOptions): Promise<BulkReport>
  defer(options?: BulkOptions & DeferOptions): Promise<BulkReport>
  resume(options?: BulkOptions): Promise<BulkReport>
  requeue(options?: BulkOptions): Promise<BulkReport>
  remove(options?: BulkOptions): Promise<BulkReport>
  skip(options?: BulkOptions): Promise<BulkReport>
  release(options?: BulkOptions): Promise<BulkReport>
  clone(options?: BulkOptions): Promise<BulkReport>
  /**
   * Requeues the broken ones slowly at first: a wave of 10, and while at least half of a wave succeed the next one has twice as
   * many, up to 1,000; when more than half of one end as broken again it stops.
   */
  redrive(options?: RedriveOptions): Promise<RedriveReport>
}

const selectorNames = [
  'processor',
  'queue',
  'state',
  'key',
  'errorCode',
  'enqueuedAfter',
  'enqueuedBefore',
  'ids',
] as const satisfies (keyof ItemSelector)[]
const states: readonly string[] = itemStates
const bulkNames = ['limit', 'signal', 'onProgress']
const maxIds = 10_000
const pageSize = 500
/** What has no verdict after this is left pending, and the next page is asked for. */
const pageWaitMs = 2_000
const maxRefusals = 100

/** @throws CoatcheckError `OPTION_INVALID`, `ITEM_ID_INVALID`, `UNKNOWN_QUEUE` */
export function selectItems(desk: ActDesk, selector: ItemSelector): Selection {
  return selectionOf(desk, readFilter(desk, selector))
}

/**
 * Acts on all items that match.
 * @param keep which of those that were found are meant
 */
export function selectionOf(desk: ActDesk, filter: ItemFilter, keep?: FindOptions['keep']): Selection {
  const chosen = { filter, keep }
  const inBulk =
    (kind: DecidedKind) =>
    async (options: BulkOptions = {}) => {
      const asking = readAsking(options, bulkNames)
      return actInBulk(desk, chosen, options, (ids) =>
        desk.askMany(kind, ids, asking, {}, pageWaitMs, options.signal),
      )
    }
  return {
    count: async () => desk.count(filter, maxLimit, keep),
    cancel: inBulk('cancel'),
    resume: inBulk('resume'),
    requeue: inBulk('requeue'),
    remove: inBulk('remove'),
    skip: inBulk('skip'),
    release: inBulk('release'),
    defer: async (options = {}) => {
      const asking = readAsking(options, [...bulkNames, 'until'])
      const until = readDate(options.until, 'until')
      const given = until === undefined ? {} : { until }
      return actInBulk(desk, chosen, options, (ids) =>
        desk.askMany('defer', ids, asking, given, pageWaitMs, options.signal),
      )
    },
    clone: async (options = {}) => {
      const asking = readAsking(options, bulkNames)
      const made = new Set<string>()
      const cloneAll = async (ids: readonly string[]): Promise<Verdict[]> => {
        const verdicts: Verdict[] = []
        for (const id of ids) {
          if (options.signal?.aborted) break
          verdicts.push(await cloneOne(desk, id, asking, made))
        }
        return verdicts
      }
      return actInBulk(desk, chosen, options, cloneAll, made)
    },
    redrive: (options = {}) => redriveItems(desk, chosen, options),
  }
}

/** Items by a filter, and which of those are meant. */
export interface Chosen {
  readonly filter: ItemFilter
  readonly keep: FindOptions['keep']
}

interface Verdict {
  readonly item: string
  readonly kind: ActKind
  readonly verdict: 'applied' | 'refused' | null
  readonly state: string | null
  readonly error?: ErrorCode
}

async function cloneOne(desk: ActDesk, id: string, asking: ActOptions, made: Set<string>): Promise<Verdict> {
  try {
    made.add(await desk.clone(id, asking))
    return { item: id, kind: 'clone', verdict: 'applied', state: null }
  } catch (error) {
    // What is wrong with one item says nothing about the others.
    if (!isCoatcheckError(error) || error.status >= 500) throw error
    return { item: id, kind: 'clone', verdict: 'refused', state: null, error: error.code }
  }
}

/**
 * Page by page behind the last id, so that the same head is never read again, whatever the acts do to the items.
 * @param made new items of its own: their ids are of the node's clock, and may lie before the last one
 */
async function actInBulk(
  desk: ActDesk,
  given: Chosen,
  { limit: most, signal, onProgress }: BulkOptions,
  act: (ids: readonly string[]) => Promise<readonly Verdict[]>,
  made?: ReadonlySet<string>,
): Promise<BulkReport> {
  const limit = readLimit(most)
  const filter = await desk.asOfNow(given.filter)
  let items = 0
  let applied = 0
  let refused = 0
  const refusals: BulkReport['refusals'][number][] = []
  let after: string | undefined
  for (;;) {
    const most = Math.min(pageSize, limit - items + 1)
    const { ids: page, isCut } = await desk.matching(filter, after, most, given.keep, signal)
    const ids = made ? page.filter((id) => !made.has(id)) : page
    const some = signal?.aborted ? [] : ids.slice(0, limit - items)
    let met = 0
    if (some.length > 0) {
      for (const { item, verdict, state, error } of await act(some)) {
        met++
        if (verdict === 'applied') applied++
        if (verdict !== 'refused') continue
        refused++
        if (refusals.length < maxRefusals)
          refusals.push({
            id: item,
            ...(state === null ? {} : { state: state as ItemState | 'missing' }),
            ...(error === undefined ? {} : { error }),
          })
      }
      items += met
      onProgress?.({ items, applied, refused, pending: items - applied - refused })
    }
    after = page.at(-1)
    const hasMore = met < ids.length || isCut
    if (hasMore || page.length === 0)
      return { items, applied, refused, pending: items - applied - refused, refusals, hasMore }
  }
}

function readFilter(desk: ActDesk, selector: ItemSelector): ItemFilter {
  if (typeof selector !== 'object' || selector === null)
    throw invalid(`the selector is ${showValue(selector)}; give an object such as { state: 'broken' }`)
  for (const name of Object.keys(selector))
    if (!(selectorNames as readonly string[]).includes(name))
      throw invalid(unknownOption(name, selectorNames))
  const { processor, queue, state, key, errorCode, ids } = selector
  const given = state === undefined ? undefined : [state].flat()
  for (const one of given ?? [])
    if (!states.includes(one)) throw invalid(`state is ${showValue(one)}; it is one of ${states.join(', ')}`)
  for (const [name, text] of Object.entries({ processor, queue, key, errorCode }))
    if (text !== undefined && (typeof text !== 'string' || text.includes('\0')))
      throw invalid(`${name} is ${showValue(text)}; it must be text`)
  if (ids !== undefined && (!Array.isArray(ids) || ids.length > maxIds))
    throw invalid(`ids is ${showValue(ids)}; it must be an array of at most ${maxIds} ids`)
  for (const id of ids ?? []) parseItemId(id)
  const after = readDate(selector.enqueuedAfter, 'enqueuedAfter')
  const before = readDate(selector.enqueuedBefore, 'enqueuedBefore')
  return {
    // A service and a queue processor may have the same name.
    ...(processor === undefined ? {} : { definitions: [processor, `service:${processor}`] }),
    ...(queue === undefined ? {} : { queue: desk.queueNumber(queue) }),
    ...(given === undefined ? {} : { states: given }),
    ...(key === undefined ? {} : { key }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(after === undefined ? {} : { enqueuedAfter: after }),
    ...(before === undefined ? {} : { enqueuedBefore: before }),
    ...(ids === undefined ? {} : { ids: ids.map((id: string) => id.toLowerCase()) }),
  }
}

function invalid(sentence: string): CoatcheckError {
  return new CoatcheckError('OPTION_INVALID', sentence)
}
