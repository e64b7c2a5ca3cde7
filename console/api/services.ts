import { call } from './request.ts'

/** As much of JSON Schema as a form can be made of. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
}

export interface Service {
  readonly name: string
  readonly application: string
  readonly path: string
  readonly execution: 'immediate' | 'queue'
  readonly queue: string
  readonly inputSchema?: JsonSchema
  readonly example: unknown
  readonly roles?: readonly string[]
  readonly requestsLastHour: number
  readonly results: { readonly succeeded: number; readonly broken: number }
}

export interface TryAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly durationMs: number
  readonly id?: string
}

export interface TryOrder {
  readonly input: unknown
  readonly idempotencyKey: string | undefined
  readonly reason: string | undefined
}

export const listServices = (signal?: AbortSignal) => call<readonly Service[]>('GET', '/services', { signal })

export const tryService = ({ application, name }: Service, order: TryOrder) =>
  call<TryAnswer>('POST', `/services/${encodeURIComponent(application)}/${encodeURIComponent(name)}/try`, {
    body: order,
  })
