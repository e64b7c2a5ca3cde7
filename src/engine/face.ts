import type { QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import type { EnqueueOptions } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import type { Failure } from '../define/failure.ts'
import type { Item, ItemLogEntry, RequestContext } from '../define/item.ts'

/** What the status and headers of a service's own answer are, where it chose them with `reply`. */
export interface ReplyHead {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** How an item stands, for whoever waits for it. */
export interface Standing {
  readonly item: Item
  /** For services: what `reply` chose. */
  readonly reply: ReplyHead | undefined
}

/** What came of running a service in the request. */
export type ImmediateOutcome =
  | { readonly kind: 'succeeded'; readonly output: unknown; readonly reply: ReplyHead | undefined }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** The engine as the doors see it. */
export interface Road {
  /** By {@link Definition.id}. */
  readonly definitions: ReadonlyMap<string, Definition>
  /** Checks an input and appends it; the item is durable when this returns. */
  accept(
    definition: Definition,
    input: unknown,
    options?: EnqueueOptions & { readonly tx?: Tx },
    context?: RequestContext,
  ): Promise<QueueItemId>
  /** An item in any state, or undefined: never accepted, or its retention is over. */
  item(id: string): Promise<Item | undefined>
  itemLog(id: string): Promise<ItemLogEntry[]>
  /**
   * An item, after waiting until it has ended or the time is over.
   * @param options.waitMs 0 unless set
   */
  standing(
    id: string,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<Standing | undefined>
  /** Whether a missing item may have been there: its queue keeps only failures, or its retention is over (410 instead of 404). */
  mayHaveExpired(id: string): boolean
  /**
   * Runs a service in the request, without a queue write. Its input is checked first.
   * @throws CoatcheckError `PAYLOAD_INVALID` and its kind
   */
  runNow(
    definition: Definition,
    input: unknown,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<ImmediateOutcome>
  /**
   * Stores a request whose attempt failed: the failed attempt is counted, and the item waits for the next one.
   */
  acceptFailed(
    definition: Definition,
    input: unknown,
    failure: Failure,
    context?: RequestContext,
  ): Promise<QueueItemId>
}
