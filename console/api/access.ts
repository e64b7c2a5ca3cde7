import type { Page } from './page.ts'
import { call } from './request.ts'
import type { OperatorRole } from './session.ts'

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly services?: readonly string[]
  readonly accessGroup?: string
  readonly state: 'active' | 'expired' | 'revoked'
  readonly createdAt: string
  readonly expiresAt?: string
  readonly lastUsedAt?: string
}

export interface NewApiKey {
  readonly name: string
  readonly roles: readonly string[]
  readonly services?: readonly string[] | undefined
  readonly accessGroup?: string | undefined
  readonly expiresInDays?: number | undefined
  readonly reason?: string | undefined
}

export interface User {
  readonly name: string
  readonly role: OperatorRole
  readonly accessGroup?: string
  readonly isDisabled: boolean
  readonly hasPassword: boolean
  readonly createdAt: string
}

export interface NewUser {
  readonly name: string
  readonly role: OperatorRole
  readonly password: string
  readonly accessGroup?: string | undefined
  readonly reason?: string | undefined
}

/** What is not there stays as it is. */
export interface UserChange {
  readonly role?: OperatorRole
  readonly password?: string
  readonly isDisabled?: boolean
  /** null: sees all. */
  readonly accessGroup?: string | null
}

export interface OpenSession {
  readonly id: string
  readonly operator: { readonly id: string; readonly name: string; readonly role: OperatorRole }
  readonly createdAt: string
  readonly seenAt: string
  readonly expiresAt: string
  readonly via: string
  readonly isOwn: boolean
}

export const listApiKeys = (cursor?: string, signal?: AbortSignal) =>
  call<Page<ApiKey>>('GET', '/api-keys', { query: { cursor }, signal })

export const createApiKey = (key: NewApiKey) =>
  call<{ readonly id: string; readonly key: string }>('POST', '/api-keys', { body: key })

export const revokeApiKey = (id: string, reason?: string) =>
  call<unknown>('DELETE', `/api-keys/${encodeURIComponent(id)}`, { body: { reason } })

export const listUsers = (cursor?: string, signal?: AbortSignal) =>
  call<Page<User>>('GET', '/users', { query: { cursor }, signal })

export const createUser = (user: NewUser) => call<unknown>('POST', '/users', { body: user })

export const changeUser = (name: string, change: UserChange, reason?: string) =>
  call<unknown>('PUT', `/users/${encodeURIComponent(name)}`, { body: { ...change, reason } })

export const listSessions = (cursor?: string, signal?: AbortSignal) =>
  call<Page<OpenSession>>('GET', '/sessions', { query: { cursor }, signal })

export const endSession = (id: string, reason?: string) =>
  call<unknown>('DELETE', `/sessions/${encodeURIComponent(id)}`, { body: { reason } })
