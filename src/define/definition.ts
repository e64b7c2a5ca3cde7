import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { HandlerContext } from './context.ts'
import type { Failure } from './failure.ts'

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
}

export interface ServiceSettings {
  readonly execution: 'immediate' | 'queue'
  readonly queueWhen?: (error: Failure, input: unknown) => boolean
  readonly respondAsync: boolean
  /** HTTP path below the base path; `/services/{application}/{name}` unless set. */
  readonly path: string
}

/** A queue processor or service with all its defaults in place: what the engine runs. Frozen. */
export interface Definition {
  /** Names it in the database: `provision-account` for a queue processor, `service:hire-worker` for a service. */
  readonly id: string
  readonly kind: 'queue-processor' | 'service'
  readonly name: string
  /** The application that first declared it. */
  readonly application: string
  /** `standard`, or its own name where it is dedicated. */
  readonly queue: string
  /** Partitions of the queue when it is made; 6 unless set, 1–4096. */
  readonly partitions: number
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
  /** How long an ended item is kept; 7 days unless set. */
  readonly retentionMs: number
  /** Bytes of the payload as JSON in UTF-8; 1,048,576 unless set. */
  readonly maxPayloadBytes: number
  readonly upgrade?: (stored: unknown) => unknown
  /** Undefined where this application only declares it and another process runs it. */
  readonly run?: (input: unknown, ctx: HandlerContext) => unknown
  readonly service?: ServiceSettings
}

/** The definitions of a stack of applications, resolved: an earlier application overrides a later one's. */
export interface Registry {
  /** By {@link Definition.id}. */
  readonly definitions: ReadonlyMap<string, Definition>
}
