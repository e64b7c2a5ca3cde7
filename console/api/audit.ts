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

/** What lines can be told apart by: what is there. */
export interface AuditChoices {
  readonly acts: readonly string[]
  readonly subjects: readonly string[]
  readonly operators: readonly { readonly id: string; readonly name: string }[]
}

export const readAuditChoices = (signal?: AbortSignal) =>
  call<AuditChoices>('GET', '/audit/choices', { signal })

export const listAudit = (filter: AuditFilter, cursor?: string, signal?: AbortSignal) =>
  call<Page<AuditRow>>('GET', '/audit', { query: { ...filter, cursor }, signal })
