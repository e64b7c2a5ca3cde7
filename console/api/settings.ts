import type { ToldNode } from './applications.ts'
import { call } from './request.ts'

export interface SettingVariant {
  /** Boot ids. */
  readonly nodes: readonly string[]
  readonly value: string
  readonly unless: string
  readonly isSet: boolean
}

export interface Setting {
  readonly name: string
  readonly group: string
  readonly isOwn: boolean
  readonly variants: readonly SettingVariant[]
}

export interface Settings {
  readonly nodes: readonly ToldNode[]
  readonly settings: readonly Setting[]
  readonly isSameOnAll: boolean
  readonly database: {
    readonly kind: 'postgres' | 'pglite'
    readonly version: string
    readonly name: string
    readonly user: string
    readonly schema: string
    readonly isDurable: boolean
    readonly losses: readonly string[]
    readonly fsync: string
    readonly synchronousCommit: string
    readonly synchronousStandbys: string
  }
  readonly migrations: readonly {
    readonly number: number
    readonly name: string
    readonly appliedAt: string
  }[]
  readonly migrationsKnown: number
}

export const readSettings = (signal?: AbortSignal) => call<Settings>('GET', '/settings', { signal })
