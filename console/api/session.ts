import type { OperatorRole } from '../../src/operate/operator.ts'
import { call } from './request.ts'

export type { OperatorRole } from '../../src/operate/operator.ts'

export interface Session {
  readonly operator: {
    readonly id: string
    readonly name: string
    readonly role: OperatorRole
    readonly accessGroup?: string
  }
  readonly expiresAt?: string
  readonly node: {
    readonly name: string
    readonly version: string
    readonly environment?: string
    readonly durability: string
  }
  /** The parts of the API that the node has. */
  readonly parts?: readonly string[]
}

export interface WaysIn {
  readonly password: boolean
  readonly issuers: readonly { readonly id: string; readonly name: string }[]
}

export const readSession = (signal?: AbortSignal) => call<Session>('GET', '/session', { signal })

export const readWaysIn = () => call<WaysIn>('GET', '/sign-in')

export const signIn = (name: string, password: string) =>
  call<void>('POST', '/sign-in', { body: { name, password } })

export const signInByLink = (token: string) => call<void>('POST', '/sign-in/link', { body: { token } })

export const signOut = () => call<void>('POST', '/sign-out')
