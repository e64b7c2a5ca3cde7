import type { Page } from './page.ts'
import { call } from './request.ts'

export interface NodeRow {
  readonly name: string
  readonly bootId: string
  readonly types: readonly string[]
  readonly version: string
  readonly startedAt: string
  readonly leaseUntil: string
  readonly isAlive: boolean
  readonly queues: readonly string[]
  readonly partitions: number
  readonly running: number
  readonly memoryMb?: number
  readonly cpu?: number
}

export const listNodes = (signal?: AbortSignal) => call<Page<NodeRow>>('GET', '/nodes', { signal })
