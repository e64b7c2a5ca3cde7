import type { QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import type { Act } from '../define/act.ts'
import type { EnqueueOptions, Receipt } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import type { Failure } from '../define/failure.ts'
import type { Item, ItemLogEntry, RequestContext } from '../define/item.ts'
import type { Asking } from './act-desk.ts'
import type { Asker } from './prepare.ts'

/** What the status and headers of a service's own answer are, where it chose them with `reply`. */
export interface ReplyHead {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** What the output is sent as, where that is not JSON: `bytes` are kept as base64. */
  readonly form?: 'text' | 'bytes'
}

/** A result that was too long to be looked up with its item. */
export interface LargeResult {
  /** Of its JSON. */
  readonly bytes: number
  /** Its JSON, piece by piece. @throws CoatcheckError `ITEM_EXPIRED` where it goes meanwhile */
  read(): AsyncIterable<string>
}

/** How an item stands, for whoever waits for it. */
export interface Standing {
  readonly item: Item
  /** For services: what `reply` chose. */
  readonly reply: ReplyHead | undefined
  /** Its result, where that is longer than was asked for; the item is without it then. */
  readonly largeResult?: LargeResult
  /** Broken, and there for a person alone: whoever called is told of it no more. */
  readonly isOver: boolean
  /**
   * Told that its result was handed over in full; undefined where that changes nothing. Never rejects: at worst the result is kept for
   * longer.
   */
  readonly onRetrieved: (() => Promise<void>) | undefined
}

export interface StandingOptions {
  /** How long to wait for the end; 0 unless set. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
  /** Longer inputs and results, in bytes of JSON, are not looked up with the item; all are unless set. */
  readonly maxBytes?: number
}

/** A call that came with an Idempotency-Key: it has its effects once, and the same answer each time. */
export interface IdempotentCall {
  /** Within which the key is one: the service and who calls. */
  readonly scope: string
  readonly key: string
  /** How long the answer is kept. */
  readonly keptMs: number
}

/** What a call was answered with, as it is kept. */
export type RecordedAnswer =
  | { readonly kind: 'succeeded'; readonly output?: unknown; readonly reply?: ReplyHead | undefined }
  | { readonly kind: 'problem'; readonly problem: object }
  | { readonly kind: 'queued'; readonly id: string }

/** Whoever has it answers the call. */
export interface CallClaim {
  /** Keeps what it was answered with. @throws CoatcheckError `LEASE_LOST` */
  answer(problem: object): Promise<void>
  /** As if the call had never come. */
  release(): Promise<void>
}

/** What came of running a service in the request. */
export type ImmediateOutcome =
  | { readonly kind: 'succeeded'; readonly output: unknown; readonly reply: ReplyHead | undefined }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly claim?: CallClaim }
  /** Whoever asked had gone before it ended: it is as if it had not come, and must not be queued, for nobody has its id. */
  | { readonly kind: 'abandoned' }
  /** Nothing ran: an item of its key waits, and it has to come after that. */
  | { readonly kind: 'behind' }
  /** It was answered before. */
  | { readonly kind: 'repeated'; readonly answer: RecordedAnswer }

/** The engine as the doors see it. */
export interface Road {
  /** By {@link Definition.id}. */
  readonly definitions: ReadonlyMap<string, Definition>
  /**
   * Checks an input and appends it; the item is durable when this returns.
   * @param input a value, or a `ReadJson`; so of all that take an input
   */
  accept(
    definition: Definition,
    input: unknown,
    options?: EnqueueOptions & { readonly tx?: Tx },
    asker?: Asker,
  ): Promise<QueueItemId>
  /** As `accept`, and says whether that made an item. */
  receive(definition: Definition, input: unknown, options: EnqueueOptions, asker: Asker): Promise<Receipt>
  /** An item in any state, or undefined: never accepted, or its retention is over. */
  item(id: string): Promise<Item | undefined>
  itemLog(id: string): Promise<ItemLogEntry[]>
  /**
   * An item, after waiting until it has ended or the time is over.
   * @param options.waitMs 0 unless set
   */
  standing(id: string, options?: StandingOptions): Promise<Standing | undefined>
  readonly acts: {
    /**
     * Asks for an act on an item; resolves with it as it stands after 2 s at most.
     * @throws CoatcheckError `ACT_REFUSED`, `ITEM_NOT_FOUND`, `ITEM_ID_INVALID`
     */
    ask(kind: 'cancel', id: string, asking: Asking): Promise<Act>
  }
  /** Whether a missing item may have been there: its queue keeps only failures, or its retention is over (410 instead of 404). */
  mayHaveExpired(id: string): boolean
  readonly immediate: ImmediateServices
}

/** Services that run in the request. */
export interface ImmediateServices {
  /**
   * Runs a service in the request, without a queue write. Its input is checked first.
   * @throws CoatcheckError `PAYLOAD_INVALID` and its kind, `IDEMPOTENCY_KEY_IN_USE`, `IDEMPOTENCY_KEY_REUSED`, `REQUESTS_FULL`; `OUTCOME_UNKNOWN` where what it did may
   * have been committed
   */
  run(
    definition: Definition,
    input: unknown,
    context: RequestContext,
    signal: AbortSignal,
    call?: IdempotentCall,
  ): Promise<ImmediateOutcome>
  /**
   * Stores a request whose attempt failed: the failed attempt is counted, and the item waits for the next one.
   * @param claim that of the call, which is answered with the item's id
   */
  acceptFailed(
    definition: Definition,
    input: unknown,
    failure: Failure,
    asker: Asker | undefined,
    claim: CallClaim | undefined,
  ): Promise<QueueItemId>
  /**
   * Accepts the request of an immediate service that is to run later.
   * @returns what the call was answered with, now or before
   * @throws CoatcheckError as accepting any item, `IDEMPOTENCY_KEY_IN_USE`, `IDEMPOTENCY_KEY_REUSED`
   */
  accept(
    definition: Definition,
    input: unknown,
    asker: Asker,
    call: IdempotentCall,
  ): Promise<{ readonly answer: RecordedAnswer; readonly isRepeat: boolean }>
}
