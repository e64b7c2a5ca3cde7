import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { HandlerContext } from './context.ts'
import type { Failure } from './failure.ts'
import type { RequestProcessorSettings } from './request-processor-options.ts'
import type { ServiceRequest } from './request-processor.ts'
import type { StackedApplication } from './stacked-application.ts'

/** How long an ended item is kept whose definition says nothing of it, or is not known. */
export const defaultRetentionMs = 7 * 86_400_000

export interface RetryPolicy {
  /** 1–1000; 3 unless set. */
  readonly maxAttempts: number
  /** 60,000 unless set. */
  readonly initialDelayMs: number
  /** Each delay is the one before times this; 2 unless set. */
  readonly factor: number
  /** 1 hour unless set. */
  readonly maxDelayMs: number
  /** Share by which a delay is shortened or lengthened at random, 0–1; 0.1 unless set. */
  readonly jitter: number
  /** Before each attempt but the first, in place of `initialDelayMs`, `factor` and `maxDelayMs`: one less than attempts. */
  readonly delaysMs?: readonly number[]
}

/** How long an ended item is kept, and told of. */
export interface Retention {
  /** After success; 7 days unless set. */
  readonly succeededMs: number
  /** 7 days unless set. */
  readonly cancelledMs: number
  /** How long callers are told of a broken item; {@link untilRemovedMs} unless set. The item stays until a person removes it. */
  readonly brokenMs: number
  /** Whether a result is over 15 minutes after it was retrieved. */
  readonly untilRetrieved: boolean
}

/** A century: as long as the broken item is there. */
export const untilRemovedMs = 36_500 * 86_400_000

/** A queue that a request goes to when it says so. */
export interface QueueChoice {
  readonly queue: string
  readonly partitions: number
  readonly partitionsAsked?: number
  readonly maxWaiting?: number
  readonly when: (request: ServiceRequest) => unknown
}

export interface ServiceSettings {
  readonly execution: 'immediate' | 'queue'
  readonly queueWhen?: (error: Failure, input: unknown) => boolean
  readonly respondAsync: boolean
  /** Of an immediate service: how many of its requests run at once on a node; 1,000 unless set. */
  readonly maxRunning: number
  /** Whether callers have to send an Idempotency-Key, and how long the answer to one is kept; 24 hours unless set. */
  readonly idempotency: { readonly required: boolean; readonly keptMs: number }
  /** Whether callers may give a URL that the end of a queued request is posted to; true unless set. */
  readonly callback: boolean
  /** HTTP path below the base path; `/services/{application}/{name}` unless set. */
  readonly path: string
  /** A caller needs one of them; unset: every caller who is known will do. */
  readonly roles?: readonly string[]
  /** The access group of its items, where the caller has none of its own. */
  readonly accessGroup?: string
}

/** A queue processor or service with all its defaults in place: what the engine runs. Frozen. */
export interface Definition {
  /** Names it in the database: `provision-account` for a queue processor, `service:hire-worker` for a service. */
  readonly id: string
  readonly kind: 'queue-processor' | 'service'
  readonly name: string
  /** The application that first declared it. */
  readonly application: string
  /** `standard`; its own name where it is dedicated; the last one of its request processor. */
  readonly queue: string
  /** Partitions of the queue when it is made; 6 unless set, 1–4096. */
  readonly partitions: number
  /** What the definition says of it, where it does: told where the queue has another number. */
  readonly partitionsAsked?: number
  /** Items that may wait on its queue, where it says so: from 1; 10,000,000 unless set. */
  readonly maxWaiting?: number
  /** Of a service: queues that are asked, in order, before `queue` takes a request. */
  readonly choices?: readonly QueueChoice[]
  /** Of a service: the name of its request processor. */
  readonly requestProcessor?: string
  readonly input: StandardSchemaV1
  readonly output?: StandardSchemaV1
  /** Computes the partition key from the schema's output type. */
  readonly key?: (input: unknown) => unknown
  /** Items of one key run in order within this scope: `orderGroup`, else the definition's id. */
  readonly orderScope: string
  readonly order: 'strict' | 'relaxed'
  readonly onBroken: 'continue' | 'block'
  readonly supersede?: 'older'
  /** Items at once per node; 10 unless set, 1–10,000. */
  readonly concurrency: number
  readonly retry: RetryPolicy
  /** 300,000 unless set. */
  readonly timeoutMs: number
  readonly tracking: 'all' | 'failures'
  readonly retention: Retention
  /** Bytes of the payload as JSON in UTF-8; 1,048,576 unless set. */
  readonly maxPayloadBytes: number
  readonly upgrade?: (stored: unknown) => unknown
  /** JSON Pointers to what of the payload operators are not shown; `*` is each element of an array. */
  readonly secret?: readonly string[]
  /** Undefined where this application only declares it and another process runs it. */
  readonly run?: (input: unknown, ctx: HandlerContext) => unknown
  readonly service?: ServiceSettings
}

/** The definitions of a stack of applications, resolved: an earlier application overrides a later one's. */
export interface Registry {
  /** By {@link Definition.id}. */
  readonly definitions: ReadonlyMap<string, Definition>
  /** The applications, whoever overrides before what it overrides. */
  readonly stack: readonly StackedApplication[]
  /** By name, the standard one among them. */
  readonly requestProcessors: ReadonlyMap<string, RequestProcessorSettings>
}

/** All queues that items of a definition may be on. */
export function queuesOf(definition: Definition): string[] {
  return [...new Set([...(definition.choices ?? []).map(({ queue }) => queue), definition.queue])]
}
