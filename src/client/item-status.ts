import type { CancelReason, ItemState } from '../define/item.ts'

/** A queue item as `GET /queue-items/{id}` shows it: JSON, times in RFC 3339. */
export interface ItemStatus {
  readonly id: string
  readonly state: ItemState
  readonly service?: string
  readonly processor?: string
  readonly application: string
  readonly queue: string
  readonly key: string | null
  readonly attempts: number
  readonly enqueuedAt: string
  readonly startedAt?: string
  readonly endedAt?: string
  /** When its next attempt is due. */
  readonly dueAt?: string
  readonly progress?: unknown
  /** The problem of its last attempt. */
  readonly error?: {
    readonly code: string
    readonly status: number
    readonly title: string
    readonly detail: string
  }
  /** Why it was cancelled. */
  readonly reason?: CancelReason
  /** To who may see the item but not what is secret: JSON Pointers to what reads `•••` here. */
  readonly redacted?: readonly string[]
  readonly correlationId?: string
  readonly links: { readonly self: string; readonly result: string; readonly events: string }
}

export function hasEnded({ state }: ItemStatus): boolean {
  return state === 'succeeded' || state === 'broken' || state === 'cancelled'
}
