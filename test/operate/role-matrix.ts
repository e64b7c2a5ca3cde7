import { operatorRoles } from '../../src/operate/operator.ts'
import type { Json } from './browser.ts'
import type { Operation } from './routes-of.ts'

/** Somebody who asks, and what that is worth: a role, none of the node's, or nothing that anybody knows. */
export interface Asker {
  readonly name: string
  readonly credentials: string | undefined
  readonly role: (typeof operatorRoles)[number] | 'none' | 'unknown'
  /** Whether it sees one access group alone. */
  readonly isOfOneGroup?: boolean
}

/** What is of all access groups: the operators of one of them have no business with it. */
const isOfAll =
  /^(?:\w+ \/(?:audit|broken|users|api-keys|settings)\b|\w+ \/queues\/\w+\/(?:state|restart|concurrency|partitions|trace|blocked-keys)$)/

/** Every asker at every operation of the operator's API of a node. @returns how many cells that were, and what is wrong with some */
export async function askEveryOperation(
  url: string,
  operations: readonly Operation[],
  askers: readonly Asker[],
): Promise<{ readonly cells: number; readonly wrong: readonly string[] }> {
  const wrong: string[] = []
  for (const operation of operations)
    for (const asker of askers) {
      const { status, code } = await ask(url, operation, asker.credentials)
      if (!isRight(operation, asker, status, code))
        wrong.push(`${operation.method} ${operation.path} by ${asker.name}: ${status} ${String(code)}`)
    }
  return { cells: operations.length * askers.length, wrong }
}

async function ask(url: string, { method, path }: Operation, credentials: string | undefined) {
  // a body that fits nothing: who is let in is told so, and nothing is done
  const body = method === 'GET' ? undefined : '{"noSuchMember":1}'
  const answer = await fetch(new URL(`/operate${path}`, url), {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
    headers: {
      ...(credentials !== undefined && { authorization: `Bearer ${credentials}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  })
  const { status } = answer
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream')
  if (status >= 400 && !isStream) return { status, code: ((await answer.json()) as Json)['code'] }
  if (isStream) await answer.body?.cancel()
  else await answer.arrayBuffer()
  return { status, code: undefined }
}

function isRight({ method, path, role }: Operation, asker: Asker, status: number, code: unknown): boolean {
  if (status === 500) return false
  if (role === 'anybody') return status !== 401 && status !== 403
  // wrong credentials are never as good as none
  if (asker.credentials === undefined) return code === 'SIGN_IN_REQUIRED'
  if (asker.role === 'unknown') return status === 401
  if (asker.role === 'none') return code === 'FORBIDDEN'
  // Of a body that fits nothing that is said first.
  if (asker.isOfOneGroup && isOfAll.test(`${method} ${path}`))
    return code === 'FORBIDDEN' || (method !== 'GET' && code === 'REQUEST_INVALID')
  const isEnough = operatorRoles.indexOf(asker.role) >= operatorRoles.indexOf(role)
  return isEnough ? code !== 'FORBIDDEN' && status !== 401 : code === 'FORBIDDEN'
}
