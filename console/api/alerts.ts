import type { Page } from './page.ts'
import { call } from './request.ts'

export interface Alert {
  readonly id: string
  readonly rule: string
  readonly subject: string
  readonly severity: 'warning' | 'critical'
  readonly title: string
  readonly since: string
  readonly until?: string
}

export const listAlerts = (signal?: AbortSignal) => call<Page<Alert>>('GET', '/alerts', { signal })
