import type { Page } from './page.ts'
import { call } from './request.ts'

export interface AuditRow {
  readonly id: string
  readonly at: string
  readonly operator: { readonly id: string; readonly name: string }
  readonly act: string
  readonly subject: string
  readonly subjectId: string
  readonly before?: unknown
  readonly after?: unknown
  readonly reason?: string
  readonly via?: string
}

export const auditFilterNames = ['operator', 'act', 'subject', 'subjectId', 'from', 'to'] as const
export type AuditFilter = { readonly [Name in (typeof auditFilterNames)[number]]?: string }

export const listAudit = (filter: AuditFilter, cursor?: string, signal?: AbortSignal) =>
  call<Page<AuditRow>>('GET', '/audit', { query: { ...filter, cursor }, signal })
