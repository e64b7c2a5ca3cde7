import type { StandardSchemaV1 } from '@standard-schema/spec'
import { findForbidden } from '../base/json-scan.ts'
import {
  defaultRetentionMs,
  untilRemovedMs,
  type Definition,
  type RetryPolicy,
} from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { CancelReason, RequestContext } from '../define/item.ts'
import type { AppendRow } from '../stream/stream.ts'
import { AppendBatch } from './append-batch.ts'
import { writeEntry, type Entry } from './entry.ts'
import { hashOf, type Topology } from './topology.ts'
import type { WorkItem } from './work-item.ts'

/**
 * Callbacks: the end of an item that was accepted with a callback URL puts another item on the road, in the settle that ends it,
 * so that none is lost or doubled. What runs it stands in the room `connect`; how an item ended stands in its input, since
 * whatever becomes of the item later, that has been.
 */

/** How an item ended. */
export interface Ending {
  readonly id: string
  readonly queue: number
  /** The definition's id. */
  readonly definition: string
  readonly key?: string
  readonly state: 'succeeded' | 'broken' | 'cancelled'
  readonly attempts: number
  /** In milliseconds. */
  readonly enqueuedAt: number
  /** How long before its end the (last) attempt began, in milliseconds. */
  readonly ranMs?: number
  readonly reason?: CancelReason
  readonly failure?: FailureRecord
  readonly progress?: unknown
  readonly correlationId?: string
  /** Whether there is a result that was too large to go along. */
  readonly isResultLeftOut?: true
}

/** The input of a callback. It ended when the callback was accepted: both are written in one transaction. */
export interface CallbackInput {
  readonly url: string
  readonly ending: Ending
  /** Absent where there is none, or it was left out. */
  readonly result?: unknown
}

/** An item that ends and has a callback, on its way into a settle. */
export interface EndedEntry {
  readonly entry: Entry
  readonly ending: Ending
  /** JSON. */
  readonly result?: string | undefined
}

/** Longer results, in characters, stay where they are: a row of the log has 4 MB. */
const maxResultSize = 1_048_576
/** So many callbacks to one receiver are under way at once, in the whole cluster: one that does not answer holds no more. */
const linesPerReceiver = 4
const day = 86_400_000
const minute = 60_000
const hour = 3_600_000

/** The schedule that Standard Webhooks gives as its example. */
export const callbackRetry: RetryPolicy = Object.freeze({
  maxAttempts: 10,
  initialDelayMs: 5_000,
  factor: 1,
  maxDelayMs: day,
  jitter: 0.1,
  delaysMs: Object.freeze([
    5_000,
    5 * minute,
    30 * minute,
    2 * hour,
    5 * hour,
    10 * hour,
    14 * hour,
    20 * hour,
    24 * hour,
  ]),
})

const callbackSchema: StandardSchemaV1 = {
  '~standard': {
    version: 1,
    vendor: 'coatcheck',
    validate: (value) =>
      isCallbackInput(value) ? { value } : { issues: [{ message: 'it is no callback of ours' }] },
  },
}

/** The built-in queue processor of callbacks, without its handler. The dot keeps its names apart from all that can be defined. */
export const callbackDefinition: Definition = Object.freeze({
  id: 'coatcheck.callback',
  kind: 'queue-processor',
  name: 'coatcheck.callback',
  application: 'coatcheck',
  queue: 'coatcheck.callbacks',
  partitions: 6,
  input: callbackSchema,
  key: (input: unknown) => keyOf(input as CallbackInput),
  orderScope: 'coatcheck.callback',
  // One that failed holds up nobody; the key is there to share the places among receivers.
  order: 'relaxed',
  onBroken: 'continue',
  concurrency: 50,
  retry: callbackRetry,
  timeoutMs: 2 * minute,
  tracking: 'all',
  retention: {
    succeededMs: defaultRetentionMs,
    cancelledMs: defaultRetentionMs,
    brokenMs: untilRemovedMs,
    untilRetrieved: false,
  },
  maxPayloadBytes: 8 * maxResultSize,
})

/** Every node knows of callbacks: whoever settles may have to put one on its queue. */
export function withCallbacks(definitions: ReadonlyMap<string, Definition>): ReadonlyMap<string, Definition> {
  if (definitions.has(callbackDefinition.id)) return definitions
  return new Map([...definitions, [callbackDefinition.id, callbackDefinition]])
}

function isCallbackInput(value: unknown): value is CallbackInput {
  const { url, ending } = (value ?? {}) as Partial<CallbackInput>
  return typeof url === 'string' && URL.canParse(url) && typeof ending?.id === 'string'
}

/** How an item in memory has ended; undefined where it has not, or nobody wants to know. */
export function endingOf(work: WorkItem, now: number): EndedEntry | undefined {
  const { entry, outcome, attempt } = work
  if (entry.b === undefined || !outcome) return undefined
  const { kind } = outcome
  if (kind !== 'succeeded' && kind !== 'broken' && kind !== 'cancelled') return undefined
  const hasRun = work.startedAt > 0
  const ending = {
    id: work.id,
    queue: work.partition.queue,
    definition: entry.d,
    ...(entry.k === undefined ? {} : { key: entry.k }),
    state: kind,
    attempts: work.attempts + (hasRun ? 1 : 0),
    enqueuedAt: work.enqueuedAt,
    ...(hasRun ? { ranMs: Math.round(now - work.startedAt) } : {}),
    ...(kind === 'cancelled' ? { reason: outcome.reason } : {}),
    ...(kind === 'broken' ? { failure: outcome.failure } : {}),
    ...(attempt?.progressText === undefined ? {} : { progress: JSON.parse(attempt.progressText) as unknown }),
  }
  return { entry, ending, result: kind === 'succeeded' ? outcome.result : undefined }
}

/** The rows of the log that callbacks go into. */
export function callbackRows(topology: Topology, now: number, ended: readonly EndedEntry[]): AppendRow[] {
  const batch = new AppendBatch(topology, now)
  const queue = topology.queueOf(callbackDefinition)
  for (const { entry, ending, result } of ended) {
    const url = entry.b as string
    const fits = result === undefined || canGoAlong(result)
    const told = {
      ...ending,
      ...(entry.c?.correlationId === undefined ? {} : { correlationId: entry.c.correlationId }),
      ...(fits ? {} : { isResultLeftOut: true as const }),
    }
    const input = `{"url":${JSON.stringify(url)},"ending":${JSON.stringify(told)}${
      fits && result !== undefined ? `,"result":${result}` : ''
    }}`
    const key = keyOf({ url, ending: told })
    batch.put(queue, key, writeEntry(callbackDefinition.id, key, input, contextOf(entry, ending.id)))
  }
  return batch.rows()
}

/** Results are kept as text and may hold anything; what stands in an entry, PostgreSQL reads as JSON, and refuses some texts. */
function canGoAlong(result: string): boolean {
  if (result.length > maxResultSize) return false
  return !result.includes('\\u') || findForbidden(JSON.parse(result)) === undefined
}

/** A line of the receiver. Which one says nothing: callbacks come in no order. */
function keyOf({ url, ending }: Pick<CallbackInput, 'url' | 'ending'>): string {
  return `${new URL(url).origin} ${hashOf(ending.id) % linesPerReceiver}`
}

/** Who asked for the item asked for its callback. */
function contextOf({ c }: Entry, id: string): RequestContext {
  return { ...c, causationId: id }
}
