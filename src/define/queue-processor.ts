import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../base/duration.ts'
import type { Handed } from '../base/json-type.ts'
import type { Size } from '../base/size.ts'
import type { Enqueueable, HandlerContext } from './context.ts'
import { declareApart } from './declared.ts'

/** When a failed attempt is followed by another. */
export interface RetryOptions {
  /** Attempts in all, the first one included: 1–1,000; 3 unless set. */
  readonly maxAttempts?: number
  /** Before the second attempt: 0 to 30 days; 1 minute unless set. */
  readonly initialDelay?: Duration
  /** Each delay is the one before times this: 1–100; 2 unless set. */
  readonly factor?: number
  /** No delay is longer: 0 to 30 days; 1 hour, or `initialDelay` where that is more, unless set. */
  readonly maxDelay?: Duration
  /**
   * The delays before the second attempt, the third and so on, one by one: 1 to 999 of at most 30 days, so 2 to 1,000 attempts.
   * In place of all of the above.
   */
  readonly delays?: readonly Duration[]
  /** Share by which a delay is lengthened or shortened at random: 0–1; 0.1 unless set. */
  readonly jitter?: number
}

/** What can be a partition key. Numbers are turned into text. */
export type PartitionKey = string | number | bigint

/** What queue processors and services have in common. `Value` is the output type of the input schema. */
export interface CommonOptions<Name extends string, Schema extends StandardSchemaV1> {
  /** Lower-case letters, digits and hyphens, at most 63, a letter first. The name in the database: do not change it. */
  readonly name: Name
  /** Any Standard Schema (zod, valibot, arktype …). Callers give its input type, `key` and the handler get its output type. */
  readonly input: Schema
  /** The business key: items of one key run in order, one at a time; those of different keys at once. */
  readonly key?: (input: StandardSchemaV1.InferOutput<Schema>) => PartitionKey
  /** Items at once per node: 1–10,000; 10 unless set. */
  readonly concurrency?: number
  readonly retry?: RetryOptions
  /** An attempt that takes longer is aborted by `ctx.signal`: 1 ms to 7 days; 5 minutes unless set. */
  readonly timeout?: Duration
  /**
   * What the later items of a key do while one waits for its next attempt: `strict`, they wait too (the default with a
   * key); `relaxed`, they overtake it. Needs `key`.
   */
  readonly order?: 'strict' | 'relaxed'
  /** Definitions of one queue with the same group share the order of their keys. A name as `name` is. Needs `key`. */
  readonly orderGroup?: string
  /** How long an ended item is kept: 0 to 10 years; 7 days unless set. */
  readonly retention?: Duration
  /** The payload as JSON, in bytes of UTF-8: 1 byte to 64 MB; 1 MB unless set. A number of bytes, or text: `'200 kB'`. */
  readonly maxPayload?: Size
  /** Called first with a stored payload, to make one of an earlier release fit the schema. */
  readonly upgrade?: (stored: unknown) => unknown
  /**
   * What of the payload operators do not see unless they are administrators: JSON Pointers (RFC 6901) into the stored payload, such
   * as `['/ssn', '/card/number']`; the step `*` stands for each element of an array. Where the same values come up in the result, an
   * error or the log, they are not shown either. 1 to 100; none unless set.
   */
  readonly secret?: readonly string[]
}

/** The options of {@link defineQueueProcessor}. */
export interface QueueProcessorOptions<
  Name extends string,
  Schema extends StandardSchemaV1,
> extends CommonOptions<Name, Schema> {
  /**
   * What the later items of a key do once one of it is broken: its attempts are used up, or it was rejected. `continue`, they run
   * (the default); `block`, they are held until a person has decided: `node.requeue`, `skip`, `release` or `remove` of the broken
   * one opens the key. `block` needs `key`, and goes neither with `order: 'relaxed'` nor with `supersede`.
   */
  readonly onBroken?: 'continue' | 'block'
  /** The newest item of a key wins; older ones that do not run yet end as cancelled. Needs `key`. */
  readonly supersede?: 'older'
  /** What can be looked up by its id: every item (the default), or only what has not ended well. */
  readonly tracking?: 'all' | 'failures'
  /** A queue of its own, of its own name, in place of the shared `standard` queue. */
  readonly dedicated?: DedicatedQueue
}

export interface DedicatedQueue {
  /**
   * Partitions of the queue when it is made: 1–4,096; 6 unless set. A queue that is there keeps its number, and `node.warnings`
   * says so where it is another one; `node.repartition` changes it.
   */
  readonly partitions?: number
  readonly stream?: 'postgres'
  /**
   * Items that may wait on the queue, in the log and in the lane; beyond it accepting is refused with `QUEUE_FULL`. 1 to
   * 1,000,000,000,000; as the queue has it in the database unless set, which is 10,000,000 when it is made.
   */
  readonly maxWaiting?: number
}

/** Runs an item. What it returns is the result: anything that JSON can hold. */
export type ProcessHandler<Schema extends StandardSchemaV1, Returned> = (
  input: StandardSchemaV1.InferOutput<Schema>,
  ctx: HandlerContext,
) => Returned

/** A queue processor with its handler. `Input` is what callers give, `Result` what they get: JSON by then. */
export interface QueueProcessor<Input, Result, Name extends string = string> extends Enqueueable<
  Input,
  Result
> {
  readonly kind: 'queue-processor'
  readonly name: Name
  /** As given; checked when a node is created. */
  readonly options: unknown
}

/** A queue processor apart from its handler. */
export interface QueueProcessorDeclaration<
  Schema extends StandardSchemaV1,
  Name extends string = string,
> extends QueueProcessor<StandardSchemaV1.InferInput<Schema>, unknown, Name> {
  /** The same queue processor with its handler. */
  process<Returned>(
    handler: ProcessHandler<Schema, Returned>,
  ): QueueProcessor<StandardSchemaV1.InferInput<Schema>, Handed<Awaited<Returned>>, Name>
}

/**
 * Defines a queue processor: the handler of a queue, and how it runs. Never throws; `createNode` reports all problems of
 * all definitions at once. Without `process` it is a declaration for those who only enqueue.
 * @example
 * export const provision = defineQueueProcessor({
 *   name: 'provision-account',
 *   input: z.object({ employeeId: z.string() }),
 *   key: (input) => input.employeeId,
 *   async process(input, ctx) { … },
 * })
 */
export function defineQueueProcessor<Name extends string, Schema extends StandardSchemaV1, Returned>(
  options: QueueProcessorOptions<Name, Schema> & { readonly process: ProcessHandler<Schema, Returned> },
): QueueProcessor<StandardSchemaV1.InferInput<Schema>, Handed<Awaited<Returned>>, Name>
export function defineQueueProcessor<Name extends string, Schema extends StandardSchemaV1>(
  options: QueueProcessorOptions<Name, Schema>,
): QueueProcessorDeclaration<Schema, Name>
export function defineQueueProcessor(options: unknown): unknown {
  return declareApart('queue-processor', options)
}
