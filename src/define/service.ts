import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../base/duration.ts'
import type { Handed } from '../base/json-type.ts'
import type { Enqueueable, HandlerContext } from './context.ts'
import { declareApart } from './declared.ts'
import type { Failure } from './failure.ts'
import type { CommonOptions } from './queue-processor.ts'
import type { Reply } from './reply.ts'
import type { RequestProcessor } from './request-processor.ts'

/** The options of {@link defineService}. Items of services are always tracked. */
export interface ServiceOptions<
  Name extends string,
  Schema extends StandardSchemaV1,
  Output extends StandardSchemaV1,
> extends CommonOptions<Name, Schema> {
  /** Checks what `run` returns; callers get its output type. */
  readonly output?: Output
  /** `queue` (the default): answer 202 with an id, run later. `immediate`: run while the caller waits. */
  readonly execution?: 'immediate' | 'queue'
  /** Asked when an immediate run failed: true queues the request instead of answering with the error. */
  readonly queueWhen?: (error: Failure, input: StandardSchemaV1.InferOutput<Schema>) => boolean
  /** Whether callers of an immediate service may ask for it to be queued (`Prefer: respond-async`); true unless set. */
  readonly respondAsync?: boolean
  /** How many requests of an immediate service run at once on a node, 1 to 10,000; 1,000 unless set. More are answered with 503. */
  readonly maxRunning?: number
  /** What is done about `Idempotency-Key` headers. */
  readonly idempotency?: ServiceIdempotency
  /** Whether callers may give a URL that the end of a queued request is posted to, where the node has callbacks; true unless set. */
  readonly callback?: boolean
  readonly http?: ServiceHttp
  /** Who may call it over HTTP: callers with one of these roles; every caller who is known unless set. */
  readonly roles?: readonly string[]
  /** The access group of its items, where the caller has none of its own. */
  readonly accessGroup?: string
  /**
   * Which queue its requests go to, how often they are tried, how long they are kept: a request processor of these applications, or
   * its name; `standard` unless set. Its own `retry` and `retention` win.
   */
  readonly requestProcessor?: RequestProcessor<StandardSchemaV1.InferOutput<Schema>> | string
}

export interface ServiceIdempotency {
  /** Refuse requests without an Idempotency-Key; false unless set. */
  readonly required?: boolean
  /** How long the answer to a key is kept and given again: 1 minute to 365 days; 24 hours unless set. */
  readonly keepFor?: Duration
}

export interface ServiceHttp {
  /** Path below the base path of the node; `/services/{application}/{name}` unless set. */
  readonly path?: string
}

/** Answers a request: with the output, or with `reply(output, { status, headers })`. */
export type RunHandler<Schema extends StandardSchemaV1, Returned> = (
  input: StandardSchemaV1.InferOutput<Schema>,
  ctx: HandlerContext,
) => Returned

/** What `run` may return where the service has an output schema. */
export type Returnable<Output extends StandardSchemaV1> =
  | StandardSchemaV1.InferInput<Output>
  | Reply<StandardSchemaV1.InferInput<Output>>
  | Promise<StandardSchemaV1.InferInput<Output> | Reply<StandardSchemaV1.InferInput<Output>>>

/** A service. `Input` is what callers give, `Result` what they get: JSON by then. */
export interface Service<Input, Result, Name extends string = string> extends Enqueueable<Input, Result> {
  readonly kind: 'service'
  readonly name: Name
  /** As given; checked when a node is created. */
  readonly options: unknown
}

/** A service apart from its handler. */
export interface ServiceDeclaration<
  Schema extends StandardSchemaV1,
  Name extends string = string,
> extends Service<StandardSchemaV1.InferInput<Schema>, unknown, Name> {
  /** The same service with its handler. */
  run<Returned>(
    handler: RunHandler<Schema, Returned>,
  ): Service<StandardSchemaV1.InferInput<Schema>, ResultOf<Returned>, Name>
}

/** A service with an output schema, apart from its handler. */
export interface ServiceDeclarationWithOutput<
  Schema extends StandardSchemaV1,
  Output extends StandardSchemaV1,
  Name extends string = string,
> extends Service<StandardSchemaV1.InferInput<Schema>, Handed<StandardSchemaV1.InferOutput<Output>>, Name> {
  /** The same service with its handler. */
  run(
    handler: RunHandler<Schema, Returnable<Output>>,
  ): Service<StandardSchemaV1.InferInput<Schema>, Handed<StandardSchemaV1.InferOutput<Output>>, Name>
}

type ResultOf<Returned> = Handed<Unreplied<Awaited<Returned>>>
type Unreplied<Value> = Value extends Reply<infer Output> ? Output : Value

/** Options in which `output` must not be given, so that the overload without it is taken. */
type WithoutOutput<Name extends string, Schema extends StandardSchemaV1> = Omit<
  ServiceOptions<Name, Schema, never>,
  'output'
> & {
  readonly output?: never
}

/**
 * Defines a service: one operation that outsiders call. Never throws; `createNode` reports all problems of all
 * definitions at once. Without `run` it is a declaration for those who only call.
 * @example
 * export const hireWorker = defineService({
 *   name: 'hire-worker',
 *   input: z.object({ employeeId: z.string() }),
 *   output: z.object({ account: z.string() }),
 *   execution: 'immediate',
 *   queueWhen: (error) => error.code === 'CONNECTION_FAILED',
 *   async run(input, ctx) { … },
 * })
 */
export function defineService<
  Name extends string,
  Schema extends StandardSchemaV1,
  Output extends StandardSchemaV1,
>(
  options: ServiceOptions<Name, Schema, Output> & {
    readonly output: Output
    readonly run: RunHandler<Schema, Returnable<Output>>
  },
): Service<StandardSchemaV1.InferInput<Schema>, Handed<StandardSchemaV1.InferOutput<Output>>, Name>
export function defineService<Name extends string, Schema extends StandardSchemaV1, Returned>(
  options: WithoutOutput<Name, Schema> & { readonly run: RunHandler<Schema, Returned> },
): Service<StandardSchemaV1.InferInput<Schema>, ResultOf<Returned>, Name>
export function defineService<
  Name extends string,
  Schema extends StandardSchemaV1,
  Output extends StandardSchemaV1,
>(
  options: ServiceOptions<Name, Schema, Output> & { readonly output: Output },
): ServiceDeclarationWithOutput<Schema, Output, Name>
export function defineService<Name extends string, Schema extends StandardSchemaV1>(
  options: WithoutOutput<Name, Schema>,
): ServiceDeclaration<Schema, Name>
export function defineService(options: unknown): unknown {
  return declareApart('service', options)
}
