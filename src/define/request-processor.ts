import type { Duration } from '../base/duration.ts'
import { declare } from './declared.ts'
import type { RequestContext } from './item.ts'
import type { RetryOptions } from './queue-processor.ts'

/** A request that is about to be queued. */
export interface ServiceRequest<Input = unknown> {
  /** The output type of the service's schema. Do not change it. */
  readonly input: Input
  readonly context: RequestContext
  /** The partition key, or null. */
  readonly key: string | null
  /** The name of the service. */
  readonly service: string
  /** The application that first declared the service. */
  readonly application: string
}

/** A row of the list by which a request finds its queue. */
export interface RequestQueue<Input = unknown> {
  /** `standard`, or a queue of your own: a name. */
  readonly queue: string
  /**
   * Whether a request goes here: true or false, at once. All but the last one of the list need it, the last one takes what is left.
   * A request for which it throws, or answers anything else, is refused: `REQUEST_PROCESSOR_FAILED`.
   */
  readonly when?: (request: ServiceRequest<Input>) => boolean
  /** Partitions of the queue when it is made: 1–4,096; 6 unless set. Not for `standard`. */
  readonly partitions?: number
  /** Items that may wait on the queue, as `dedicated.maxWaiting` of a queue processor says. Not for `standard`. */
  readonly maxWaiting?: number
}

/** How long an ended request can be asked for. */
export interface KeepOptions {
  /** After success: 15 minutes to 10 years, or `false`, which is the shortest; 7 days unless set. */
  readonly afterSuccess?: Duration | false
  /**
   * After failure, that is broken or cancelled: 15 minutes to 10 years, or `false`, which is the shortest. Unless set, 7 days for what
   * was cancelled, and for what is broken as long as the item is there. A broken item stays for a person in any case.
   */
  readonly afterFailure?: Duration | false
  /**
   * Whether a result is over, whatever is left of its time, 15 minutes after the first `GET /queue-items/{id}/result` that was
   * answered with it in full; false unless set.
   */
  readonly untilRetrieved?: boolean
}

/** The options of {@link defineRequestProcessor}. */
export interface RequestProcessorOptions<Input = unknown> {
  /** Lower-case letters, digits and hyphens, at most 63, a letter first. `standard` is the one of services that name none. */
  readonly name: string
  /** Asked from the first to the last, when a request is accepted; the queue `standard` unless set. */
  readonly queues?: readonly RequestQueue<Input>[]
  /** When a failed attempt is followed by another; a service's own `retry` wins. */
  readonly retry?: RetryOptions
  /** How long an ended request is kept; a service's own `retention` wins. */
  readonly keep?: KeepOptions
}

/** How requests of services are queued, tried and kept. `Input` is what its `when`s need to know of an input. */
export interface RequestProcessor<Input = unknown> {
  readonly kind: 'request-processor'
  readonly name: string
  /** As given; checked when a node is created. */
  readonly options: unknown
  /** For the type checker only. */
  readonly ' types'?: { readonly takes: (input: Input) => void }
}

/**
 * Defines a request processor: which queue a request goes to, how often it is tried, how long it is kept. Services name it as
 * `requestProcessor`. Never throws; `createNode` reports all problems of all definitions at once.
 * @example
 * export const hiring = defineRequestProcessor({
 *   name: 'hiring',
 *   queues: [
 *     { queue: 'urgent', when: ({ input }: ServiceRequest<{ urgent?: boolean }>) => input.urgent === true },
 *     { queue: 'standard' },
 *   ],
 *   retry: { maxAttempts: 5, initialDelay: '10s' },
 *   keep: { afterSuccess: '1 day', afterFailure: '30 days', untilRetrieved: true },
 * })
 */
export function defineRequestProcessor<Input = unknown>(
  options: RequestProcessorOptions<Input>,
): RequestProcessor<Input>
export function defineRequestProcessor(options: unknown): unknown {
  return declare('request-processor', options, {})
}
