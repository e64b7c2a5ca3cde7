import type { ActKind } from '../../src/base/act-kind.ts'
import type { Act } from '../../src/define/act.ts'
import type { FailureRecord } from '../../src/define/failure.ts'
import type { ItemState } from '../../src/define/item.ts'
import type { Page } from './page.ts'
import { call, readLines, send } from './request.ts'

export type { ActKind } from '../../src/base/act-kind.ts'
export type { ItemState } from '../../src/define/item.ts'

export const itemStates = [
  'ready',
  'running',
  'scheduled',
  'held',
  'deferred',
  'broken',
  'succeeded',
  'cancelled',
] as const satisfies readonly ItemState[]

/** What narrows items down; of the same names in the URL, the queries and the bodies of acts. */
export const filterNames = [
  'state',
  'queue',
  'processor',
  'application',
  'key',
  'keyPrefix',
  'correlationId',
  'causationId',
  'traceId',
  'caller',
  'errorCode',
  'fingerprint',
  'from',
  'to',
  'text',
  'ids',
] as const
export type FilterName = (typeof filterNames)[number]
export type ItemFilter = { readonly [Name in FilterName]?: string | readonly string[] }

export interface ItemRef {
  readonly id: string
  readonly state?: ItemState
  readonly processor?: string
  readonly key?: string | null
}

export interface ItemRow {
  readonly id: string
  readonly state: ItemState
  readonly processor: string
  readonly kind: string
  readonly application: string
  readonly queue: string
  readonly key: string | null
  readonly attempts: number
  readonly enqueuedAt: string
  readonly startedAt?: string
  readonly endedAt?: string
  readonly dueAt?: string
  readonly error?: { readonly code: string; readonly message: string }
  readonly correlationId?: string
  readonly caller?: string
}

export interface ItemPage extends Page<ItemRow> {
  /** A search stopped there, so as not to take too long; `next` goes on. */
  readonly searchedTo?: string
}

export interface TimelineEntry {
  readonly at: string
  readonly kind: string
  readonly attempt?: number
  readonly message?: string
  readonly durationMs?: number
  readonly data?: unknown
  readonly error?: FailureRecord
}

/** An {@link Act} as it travels: its times are text. */
export interface ActAnswer extends Omit<Partial<Act>, 'askedAt' | 'decidedAt'> {
  readonly askedAt?: string
  readonly decidedAt?: string
}

export interface Item extends Omit<ItemRow, 'error'> {
  readonly input: unknown
  readonly inputDigest: string
  readonly result?: unknown
  readonly error?: FailureRecord & { readonly cause?: unknown }
  readonly reason?: string
  readonly progress?: unknown
  readonly context: Readonly<Record<string, unknown>>
  readonly heldBy?: ItemRef
  readonly blocks: boolean
  readonly timeline: readonly TimelineEntry[]
  readonly parent?: ItemRef
  readonly children: readonly ItemRef[]
  readonly clones: readonly ItemRef[]
  readonly acts: readonly ActAnswer[]
  readonly can: readonly ActKind[]
  readonly redacted: readonly string[]
}

export type Counts = Partial<Record<ItemState, { readonly count: number; readonly isAtLeast: boolean }>>

export interface ActOrder {
  readonly act: ActKind
  readonly reason?: string | undefined
  readonly input?: unknown
  readonly inputDigest?: string
  readonly until?: string | undefined
}

export type BulkKind = ActKind | 'redrive'

export interface BulkOrder {
  readonly act: BulkKind
  readonly filter: ItemFilter
  readonly reason?: string | undefined
  readonly limit?: number | undefined
  readonly until?: string | undefined
}

/** How far acts on many items are; the last one is `done`. */
export interface BulkProgress {
  readonly items?: number
  readonly applied?: number
  readonly refused?: number
  readonly pending?: number
  readonly requeued?: number
  readonly stopped?: string
  readonly hasMore?: boolean
  readonly refusals?: unknown
  readonly done?: true
  /** The acts ended with a problem. */
  readonly error?: { readonly code?: string; readonly message?: string; readonly detail?: string }
}

export interface Preview {
  readonly count: number
  readonly isAtLeast: boolean
}

export const listItems = (filter: ItemFilter, cursor?: string, signal?: AbortSignal) =>
  call<ItemPage>('GET', '/items', { query: { ...filter, cursor, limit: 50 }, signal })

export const countItems = (filter: ItemFilter, signal?: AbortSignal) =>
  call<Counts>('GET', '/items/counts', { query: filter, signal })

export const readItem = (id: string, signal?: AbortSignal) =>
  call<Item>('GET', `/items/${encodeURIComponent(id)}`, { signal })

/** How many later items of its key have succeeded; unset where nobody can know. */
export interface LaterItems {
  readonly succeeded?: Preview
  /** Whose items they may be. */
  readonly processors: readonly string[]
}

export const readLaterItems = (id: string, signal?: AbortSignal) =>
  call<LaterItems>('GET', `/items/${encodeURIComponent(id)}/later`, { signal })

export const actOnItem = (id: string, order: ActOrder) =>
  call<ActAnswer>('POST', `/items/${encodeURIComponent(id)}/acts`, { body: order })

export const previewActs = (act: BulkKind, filter: ItemFilter, signal?: AbortSignal) =>
  call<Preview>('POST', '/items/preview', { body: { act, filter }, signal })

/** Acts on all that match; ended by the signal. */
export async function* actOnItems(order: BulkOrder, signal: AbortSignal): AsyncGenerator<BulkProgress> {
  yield* readLines<BulkProgress>(await send('POST', '/items/acts', { body: order, signal }))
}
