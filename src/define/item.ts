import type { FailureRecord } from './failure.ts'

/** The states of a queue item, everywhere the same. */
export const itemStates = [
  'ready',
  'running',
  'scheduled',
  'held',
  'deferred',
  'succeeded',
  'broken',
  'cancelled',
] as const

export type ItemState = (typeof itemStates)[number]

/** Why an item was cancelled. */
export type CancelReason = 'operator' | 'superseded' | 'expired'

/** Who asked: captured when the item was accepted, restored around its handler. */
export interface RequestContext {
  /** Who handed it over through a door, as `key:…` or an issuer and its subject. Such a caller may see its item. */
  readonly caller?: string
  readonly operator?: string
  readonly accessGroup?: string
  readonly application?: string
  /** Follows the work across systems; made when the caller gave none. */
  readonly correlationId?: string
  /** The `X-Request-Id` of the request that handed it over, where it had one. */
  readonly requestId?: string
  /** The item whose handler enqueued this one, or of which this one is a clone. */
  readonly causationId?: string
  /** W3C Trace Context. */
  readonly traceparent?: string
}

/** One entry of an item's log. */
export interface ItemLogEntry {
  readonly at: Date
  /** The attempt it was written in, from 1; 0 outside any. */
  readonly attempt: number
  /** `log` for a line of the handler, else what happened: `failed`, `broken`, `scheduled`, … */
  readonly event: string
  readonly message: string
  readonly data?: unknown
}

/** A queue item, as it is looked up by its id. */
export interface Item<Result = unknown> {
  readonly id: string
  readonly state: ItemState
  /** The name of the queue processor or service that runs it. */
  readonly processor: string
  readonly kind: 'queue-processor' | 'service'
  readonly application: string
  readonly queue: string
  /** Its partition key, or null. */
  readonly key: string | null
  /** Attempts that have ended, plus the one that runs. */
  readonly attempts: number
  readonly input: unknown
  /** Once it succeeded: what the handler returned. */
  readonly result?: Result
  /** The failure of its last attempt. */
  readonly error?: FailureRecord
  readonly reason?: CancelReason
  readonly progress?: unknown
  readonly context: RequestContext
  readonly enqueuedAt: Date
  /** When the (last) attempt began. */
  readonly startedAt?: Date
  readonly endedAt?: Date
  /** When it is to run next, while it is `scheduled`. */
  readonly dueAt?: Date
  /** The broken item that blocks its key, while it is `held` behind one. */
  readonly heldBy?: string
}

/** Whether the item has ended: nothing more happens to it by itself. */
export function hasEnded({ state }: { readonly state: ItemState }): boolean {
  return state === 'succeeded' || state === 'broken' || state === 'cancelled'
}
