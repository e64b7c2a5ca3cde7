import { CoatcheckError } from '../base/errors.ts'
import type { Caller } from '../http/caller.ts'
import type { SignIn } from '../http/sign-in.ts'
import type { OperatorSignIn } from './door.ts'
import { operatorRoles, type Operator, type OperatorRole } from './operator.ts'
import type { Sessions } from './sessions.ts'

/**
 * Signing in to the operator's API: by the cookie of a session, or by an API key or a token whose roles are of the node.
 * @param callers who sent an `Authorization`
 */
export function createOperatorSignIn(sessions: Sessions, callers: SignIn): OperatorSignIn {
  return {
    async signedIn(request, isUse) {
      // wrong credentials are never as good as none
      if (request.headers.has('authorization')) {
        const caller = await callers.callerOf(request)
        const { kind } = caller
        return { operator: operatorOf(caller), via: kind === 'token' ? 'token' : 'key', caller }
      }
      const found = await sessions.find(request, isUse)
      if (found) return { ...found, via: 'session' }
      throw new CoatcheckError(
        'SIGN_IN_REQUIRED',
        'nobody is signed in, or no longer; sign in on the console, or send an API key with a role of the node as Authorization: Bearer …',
      )
    },
  }
}

function operatorOf({ id, name, roles, accessGroup }: Caller): Operator {
  const role = operatorRoles.findLast((each) => roles.includes(each))
  if (role === undefined)
    throw new CoatcheckError(
      'FORBIDDEN',
      `${name} has no role of the node; the operator's API is for ${operatorRoles.join(', ')}`,
    )
  return Object.freeze({ id, name, role, ...(accessGroup !== undefined && { accessGroup }) })
}

/** Whether a text names a role of operators. */
export function isOperatorRole(text: unknown): text is OperatorRole {
  return operatorRoles.some((role) => role === text)
}
