import { createHash } from 'node:crypto'
import { CoatcheckError } from '../base/errors.ts'
import type { Definition } from '../define/definition.ts'
import type { Item } from '../define/item.ts'

/** So many requests per window. */
export interface Rate {
  /** From 1. */
  readonly quota: number
  /** Whole seconds, in milliseconds. */
  readonly windowMs: number
}

/** Who sent a request, as far as the door knows. */
export interface Caller {
  /**
   * `key` and `token`: signed in. `anonymous`: without credentials, where that is allowed. `local`: there is no auth, and
   * this machine asks.
   */
  readonly kind: 'key' | 'token' | 'anonymous' | 'local'
  /** Stays the same over time, and is kept with the items of the caller. */
  readonly id: string
  /** For people. */
  readonly name: string
  readonly roles: readonly string[]
  readonly accessGroup?: string
  /** The only services that it may call, each as `application/service`; unset: all. */
  readonly services?: readonly string[]
  /** Its own allowance; unset: the node's. */
  readonly rate?: Rate
}

/** Roles of the node itself. All others are of services. */
export const nodeRoles = ['observer', 'operator', 'administrator'] as const

export const localCaller: Caller = Object.freeze({ kind: 'local', id: 'local', name: 'local', roles: [] })

/**
 * Who comes without credentials. Nobody in particular: what it handed over cannot be told from what others did.
 * @param services the ones that it may call
 */
export function anonymousCaller(services: readonly string[]): Caller {
  return Object.freeze({ kind: 'anonymous', id: 'anonymous', name: 'anonymous', roles: [], services })
}

/**
 * Lets a caller through to a service.
 * @throws CoatcheckError `SIGN_IN_REQUIRED` where signing in may help, `FORBIDDEN` where it does not
 */
export function checkMayCall(caller: Caller, definition: Definition): void {
  const refusal = refusalOf(caller, definition)
  if (refusal === undefined) return
  if (caller.kind === 'anonymous') throw signInRequired()
  throw new CoatcheckError('FORBIDDEN', refusal)
}

/** Whether a caller may call a service. */
export function mayCall(caller: Caller, definition: Definition): boolean {
  return refusalOf(caller, definition) === undefined
}

function refusalOf(caller: Caller, { application, name, service }: Definition): string | undefined {
  if (caller.kind === 'local') return undefined
  const address = `${application}/${name}`
  if (caller.services && !caller.services.includes(address)) return `${caller.name} may not call ${address}`
  const wanted = service?.roles
  if (!wanted || wanted.some((role) => caller.roles.includes(role))) return undefined
  return `${caller.name} may not call ${address}, which wants the role ${wanted.join(' or ')}`
}

/** Tells the callers apart where keys of theirs are kept; empty where there is no auth. */
export function scopeOf({ kind, id }: Caller): string {
  return kind === 'local' ? '' : createHash('sha256').update(id).digest('base64url')
}

/**
 * Whether a caller may see an item: whoever made it, and who has a role of the node, within its own access group where it
 * has one. To everybody else the item is not there.
 */
export function mayRead(caller: Caller, { context }: Item): boolean {
  if (caller.kind === 'local') return true
  if (caller.kind === 'anonymous') return false
  if (context.caller === caller.id) return true
  if (!nodeRoles.some((role) => caller.roles.includes(role))) return false
  return caller.accessGroup === undefined || caller.accessGroup === context.accessGroup
}

/** Whether a result is for the caller: whoever looks at that of somebody else takes nothing away from them. */
export function isForCaller(caller: Caller, { context }: Item): boolean {
  return caller.kind === 'local' || context.caller === undefined || context.caller === caller.id
}

/**
 * Lets a caller through that wants to cancel an item which it may see.
 * @throws CoatcheckError `FORBIDDEN`
 */
export function checkMayCancel(caller: Caller, { id, context }: Item): void {
  if (caller.kind === 'local' || context.caller === caller.id) return
  if (caller.roles.includes('operator') || caller.roles.includes('administrator')) return
  throw new CoatcheckError(
    'FORBIDDEN',
    `${caller.name} may see item ${id} but not cancel it; that is for whoever handed it over and for operators`,
  )
}

/** What is said to who came without credentials. */
export function signInRequired(): CoatcheckError {
  return new CoatcheckError(
    'SIGN_IN_REQUIRED',
    'the request has no credentials; send an API key or a token as Authorization: Bearer …',
  )
}
