import { CoatcheckError } from '../base/errors.ts'

/** What an operator may do: each may all that stands before it, too. */
export const operatorRoles = ['observer', 'operator', 'administrator'] as const

export type OperatorRole = (typeof operatorRoles)[number]

/** A person, or a program of theirs, who is signed in to the operator's API. */
export interface Operator {
  /** Stays the same over time, and stands in the audit: `user:ada`, `link:…`, `key:…`, or an issuer and its subject. */
  readonly id: string
  /** For people. */
  readonly name: string
  readonly role: OperatorRole
  /** Sees items of this access group alone; unset: of all. */
  readonly accessGroup?: string
}

/** Whether a role is at least another one. */
export function isAtLeast(role: OperatorRole, wanted: OperatorRole): boolean {
  return operatorRoles.indexOf(role) >= operatorRoles.indexOf(wanted)
}

/**
 * Lets an operator through who has a role.
 * @throws CoatcheckError `FORBIDDEN`
 */
export function checkMay({ name, role }: Operator, wanted: OperatorRole | 'anybody'): void {
  if (wanted === 'anybody' || isAtLeast(role, wanted)) return
  throw new CoatcheckError('FORBIDDEN', `${name} is ${role} here, and this wants the role ${wanted}`)
}

/**
 * Lets an operator through who sees all access groups: what is of the whole node shows and changes more than one of them.
 * @throws CoatcheckError `FORBIDDEN`
 */
export function checkSeesAll({ name, accessGroup }: Operator): void {
  if (accessGroup === undefined) return
  throw new CoatcheckError(
    'FORBIDDEN',
    `${name} sees the access group ${accessGroup} alone, and this is of all of them`,
  )
}
