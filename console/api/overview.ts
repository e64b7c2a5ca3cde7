import type { NodeRow } from './nodes.ts'
import { call } from './request.ts'

export const ranges = ['1h', '6h', '24h'] as const
export type Range = (typeof ranges)[number]

/** Equally long lists: what happened in the interval that begins at each time. */
export interface Series {
  readonly at: readonly string[]
  readonly accepted: readonly number[]
  readonly succeeded: readonly number[]
  readonly broken: readonly number[]
  readonly cancelled: readonly number[]
  readonly failedAttempts: readonly number[]
  /** How long attempts ran. */
  readonly p50Ms: readonly (number | null)[]
  readonly p95Ms: readonly (number | null)[]
  /** How long items waited for their first attempt. */
  readonly waitP50Ms: readonly (number | null)[]
  readonly waitP95Ms: readonly (number | null)[]
  /** How long the oldest item waited for its turn; null where none waited. */
  readonly oldestAgeMs: readonly (number | null)[]
}

export interface Attention {
  readonly kind: string
  readonly severity: 'warning' | 'critical'
  readonly title: string
  readonly detail: string
  /** Below `/console`. */
  readonly href: string
  readonly since?: string
}

export interface Overview {
  readonly at: string
  readonly range: Range
  readonly series: Series
  readonly waiting: number
  readonly oldestWaitingMs?: number
  readonly attention: readonly Attention[]
  readonly nodes: readonly NodeRow[]
}

export const readOverview = (range: Range, signal?: AbortSignal) =>
  call<Overview>('GET', '/overview', { query: { range }, signal })
