import { call } from './request.ts'

/** A node that lives, and whether it has said what it was made with. */
export interface ToldNode {
  readonly bootId: string
  readonly name: string
  readonly version: string
  readonly types: readonly string[]
  readonly isAsked: boolean
  readonly hasTold: boolean
}

export type DefinitionKind = 'queue-processor' | 'service' | 'request-processor'

/** A definition as some of the nodes have it. */
export interface DefinitionVariant {
  /** Boot ids. */
  readonly nodes: readonly string[]
  readonly runsOn: readonly string[]
  readonly standing: 'effective' | 'lies-over' | 'overridden'
  readonly by?: string
  readonly overrides?: readonly string[]
  readonly under?: readonly string[]
  readonly accept?: {
    readonly application?: string
    readonly queues: readonly string[]
    readonly path?: string
    readonly execution?: 'immediate' | 'queue'
    readonly requestProcessor?: string
    readonly roles?: readonly string[]
    readonly isKeyed?: boolean
    readonly order?: 'strict' | 'relaxed'
    readonly onBroken?: 'continue' | 'block'
    readonly tracking?: 'all' | 'failures'
    readonly maxAttempts: number
    readonly keptMs: { readonly succeeded: number; readonly cancelled: number; readonly broken: number }
    readonly keptUntilRetrieved: boolean
    readonly maxPayloadBytes?: number
    readonly secret: readonly string[]
  }
  readonly run?: { readonly concurrency: number; readonly timeoutMs: number }
}

export interface Definition {
  readonly kind: DefinitionKind
  readonly name: string
  readonly variants: readonly DefinitionVariant[]
}

export interface Application {
  readonly name: string
  readonly isBuiltIn: boolean
  readonly nodes: readonly string[]
  readonly uses: readonly string[]
  readonly definitions: readonly Definition[]
}

export interface Applications {
  readonly nodes: readonly ToldNode[]
  readonly stacks: readonly { readonly applications: readonly string[]; readonly nodes: readonly string[] }[]
  readonly applications: readonly Application[]
  readonly isSameOnAll: boolean
  readonly others: readonly {
    readonly kind: DefinitionKind
    readonly name: string
    readonly application: string
    readonly queue?: string
  }[]
}

export const readApplications = (signal?: AbortSignal) =>
  call<Applications>('GET', '/applications', { signal })
