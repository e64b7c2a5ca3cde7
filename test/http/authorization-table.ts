import type { ApiKeys } from '../../src/index.ts'

/** Who calls, in the order of the columns of the table. */
const callers = [
  'nobody',
  'wrong key',
  'revoked',
  'maker',
  'other',
  'hire only',
  'payroll',
  'observer',
  'operator',
  'administrator',
  'operator of hr',
  'operator of it',
  'token',
  'operator by token',
] as const
type CallerName = (typeof callers)[number]

/** What each of them signs in with; `nobody` has nothing. */
export type Callers = Readonly<Record<CallerName, string | undefined>>

/**
 * What each of them is answered with. `maker` handed over `mine`, with the access group hr; `code` was enqueued by code.
 * A status of who may not see an item is that of one which is not there.
 */
const table = `
                          nobody wrong revoked maker other hire-only payroll observer operator administrator of-hr of-it token token-operator
GET /                       401   401   401     200   200   200       200     200      200      200           200   200   200   200
GET /healthz                200   200   200     200   200   200       200     200      200      200           200   200   200   200
GET /readyz                 200   200   200     200   200   200       200     200      200      200           200   200   200   200
POST /services/hr/hire      401   401   401     202   202   202       202     202      202      202           202   202   202   202
POST /services/hr/ask       401   401   401     200   200   403       200     200      200      200           200   200   200   200
POST /services/hr/pay       401   401   401     403   403   403       200     403      403      403           403   403   403   403
POST /services/hr/apply     401   401   401     202   202   403       202     202      202      202           202   202   202   202
GET /services/hr/pay        401   401   401     405   405   405       405     405      405      405           405   405   405   405
GET /services/hr/nowhere    401   401   401     404   404   404       404     404      404      404           404   404   404   404
GET {mine}                  401   401   401     200   404   404       404     200      200      200           200   404   404   200
GET {mine}?wait=1s          401   401   401     200   404   404       404     200      200      200           200   404   404   200
GET {mine}/result           401   401   401     200   404   404       404     200      200      200           200   404   404   200
HEAD {mine}                 401   401   401     200   404   404       404     200      200      200           200   404   404   200
GET {mine}/events           401   401   401     200   404   404       404     200      200      200           200   404   404   200
DELETE {mine}               401   401   401     409   404   404       404     403      409      409           409   404   404   409
GET /openapi.json           401   401   401     200   200   200       200     200      200      200           200   200   200   200
GET /docs                   401   401   401     200   200   200       200     200      200      200           200   200   200   200
POST /openapi.json          401   401   401     405   405   405       405     405      405      405           405   405   405   405
PUT {mine}                  401   401   401     405   405   405       405     405      405      405           405   405   405   405
GET {code}                  401   401   401     404   404   404       404     200      200      200           404   404   404   200
GET {code}/result           401   401   401     404   404   404       404     200      200      200           404   404   404   200
GET {missing}               401   401   401     404   404   404       404     404      404      404           404   404   404   404
GET {missing}/result        401   401   401     404   404   404       404     404      404      404           404   404   404   404
GET /queue-items/17         401   401   401     404   404   404       404     404      404      404           404   404   404   404`

/** A request of a caller, and what it has to be answered with. */
export interface AuthorizationCell {
  readonly method: string
  readonly path: string
  readonly caller: CallerName
  readonly status: number
}

/**
 * Every caller at every door.
 * @param ids of items: one that `maker` handed over, one that code enqueued, and one that is not there
 * @throws Error where a row has more or fewer cells than there are callers
 */
export function authorizationCells(ids: {
  readonly mine: string
  readonly code: string
  readonly missing: string
}): AuthorizationCell[] {
  const [, , ...rows] = table.split('\n')
  return rows.flatMap((row) => {
    const [method = '', place = '', ...statuses] = row.trim().split(/\s+/)
    if (statuses.length !== callers.length) throw new Error(`${statuses.length} cells: ${row}`)
    let path = place
    for (const [name, id] of Object.entries(ids)) path = path.replace(`{${name}}`, `/queue-items/${id}`)
    return callers.map((caller, at) => ({ method, path, caller, status: Number(statuses[at]) }))
  })
}

/** Gives each caller what it signs in with. */
export async function prepareCallers(
  apiKeys: ApiKeys,
  sign: (claims?: Record<string, unknown>) => Promise<string>,
): Promise<Callers> {
  const keyOf = async (options: object): Promise<string> =>
    (await apiKeys.create({ name: 'x', ...options })).key
  const revoked = await apiKeys.create({ name: 'gone' })
  await apiKeys.revoke(revoked.id)
  return {
    nobody: undefined,
    'wrong key': `${revoked.key.slice(0, -1)}-`,
    revoked: revoked.key,
    maker: await keyOf({ accessGroup: 'hr' }),
    other: await keyOf({ accessGroup: 'hr' }),
    'hire only': await keyOf({ services: ['hr/hire'] }),
    payroll: await keyOf({ roles: ['payroll'] }),
    observer: await keyOf({ roles: ['observer'] }),
    operator: await keyOf({ roles: ['operator'] }),
    administrator: await keyOf({ roles: ['administrator'] }),
    'operator of hr': await keyOf({ roles: ['operator'], accessGroup: 'hr' }),
    'operator of it': await keyOf({ roles: ['operator'], accessGroup: 'it' }),
    token: await sign(),
    'operator by token': await sign({ sub: 'root', roles: ['operator'] }),
  }
}
