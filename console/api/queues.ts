import type { ItemRef } from './items.ts'
import type { Series } from './overview.ts'
import type { Page } from './page.ts'
import { call } from './request.ts'

export type QueueState = 'running' | 'paused' | 'stopped'

export interface Queue {
  readonly name: string
  readonly processors: readonly {
    readonly name: string
    readonly kind: string
    readonly application: string
  }[]
  readonly state: QueueState
  readonly ready: number
  readonly running: number
  readonly scheduled: number
  readonly held: number
  readonly deferred: number
  readonly broken: number
  readonly processedLastHour: number
  readonly failedLastHour: number
  readonly oldestAgeMs?: number
  readonly concurrency: { readonly set?: number; readonly defined: number }
  readonly partitions: number
  readonly generation: number
  readonly maxWaiting: number
  readonly blockedKeys: number
  readonly sparkline: readonly number[]
}

export interface QueuePartition {
  readonly partition: number
  readonly generation: number
  readonly owner?: { readonly node: string; readonly bootId: string }
  readonly lag: number
  readonly watermark: number
  readonly lastEnqueuedAt?: string
  readonly lastProcessedAt?: string
}

export interface QueueDetail extends Queue {
  readonly partitionList: readonly QueuePartition[]
  readonly series: Series
}

export interface BlockedKey {
  readonly key: string
  readonly processor: string
  readonly item: ItemRef
  readonly since: string
  readonly error: { readonly code: string; readonly message: string }
  readonly waiting: number
  readonly isAtLeast: boolean
}

export interface BrokenGroup {
  readonly fingerprint: string
  readonly processor: string
  readonly queue: string
  readonly code: string
  readonly message: string
  readonly count: number
  readonly isAtLeast: boolean
  readonly firstAt: string
  readonly lastAt: string
  readonly sample: string
}

/** What the trace of a queue tells. */
export interface TraceEvent {
  readonly at: string
  readonly id: string
  readonly key?: string
  readonly event: string
  readonly attempt?: number
  readonly message?: string
}

const pathOf = (name: string, rest = '') => `/queues/${encodeURIComponent(name)}${rest}`

export const listQueues = (signal?: AbortSignal) => call<Page<Queue>>('GET', '/queues', { signal })

export const readQueue = (name: string, signal?: AbortSignal) =>
  call<QueueDetail>('GET', pathOf(name), { signal })

export const setQueueState = (name: string, state: QueueState, reason?: string) =>
  call<unknown>('POST', pathOf(name, '/state'), { body: { state, reason } })

export const restartQueue = (name: string, reason?: string) =>
  call<unknown>('POST', pathOf(name, '/restart'), { body: { reason } })

/** @param perNode null: as defined */
export const setConcurrency = (name: string, perNode: number | null, reason?: string) =>
  call<unknown>('PUT', pathOf(name, '/concurrency'), { body: { perNode, reason } })

export const setPartitions = (name: string, partitions: number, reason?: string) =>
  call<unknown>('PUT', pathOf(name, '/partitions'), { body: { partitions, reason } })

export const listBlockedKeys = (name: string, cursor?: string, signal?: AbortSignal) =>
  call<Page<BlockedKey>>('GET', pathOf(name, '/blocked-keys'), { query: { cursor }, signal })

export const listBroken = (queue?: string, signal?: AbortSignal) =>
  call<Page<BrokenGroup> & { readonly isCut: boolean }>('GET', '/broken', { query: { queue }, signal })

export const tracePath = (name: string) => pathOf(name, '/trace')
