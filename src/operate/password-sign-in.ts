import { CoatcheckError } from '../base/errors.ts'
import type { OpenDatabase } from '../store/database.ts'
import { findUser, lockUser } from '../store/operator-users.ts'
import { pruneAttempts, takeAttempt } from '../store/sign-in-attempts.ts'
import type { WriteAudit } from './audit.ts'
import type { Operator, OperatorRole } from './operator.ts'
import { isPassword } from './password.ts'
import { digestOf } from './secret.ts'
import type { Sessions } from './sessions.ts'
import { foldName } from './users.ts'

/** Of one account and over all nodes; good ones count too. */
const attemptsAMinute = 10

/**
 * Signs a user in. Whether there is such a user nobody is told, not by the time that it takes either.
 * @returns the secret of the session
 * @throws CoatcheckError `SIGN_IN_REFUSED`, `RATE_LIMITED`
 */
export async function signInByPassword(
  { driver, schema }: OpenDatabase,
  sessions: Sessions,
  writeAudit: WriteAudit,
  {
    name: typed,
    password,
    requestId,
  }: { readonly name: string; readonly password: string; readonly requestId: string },
): Promise<string> {
  const name = foldName(typed)
  await pruneAttempts(driver, schema)
  if (!(await takeAttempt(driver, schema, digestOf(name), attemptsAMinute)))
    throw new CoatcheckError(
      'RATE_LIMITED',
      `somebody has tried to sign in to this account ${attemptsAMinute} times within a minute; try again in a minute`,
      { retryAfterMs: 60_000 },
    )
  const user = await findUser(driver, schema, name)
  const isRight = await isPassword(password, user?.password)
  if (!user || !isRight || user.disabledAt !== null) throw refused()
  const operator: Operator = {
    id: `user:${user.name}`,
    name: user.name,
    role: user.role as OperatorRole,
    ...(user.accessGroup !== null && { accessGroup: user.accessGroup }),
  }
  return driver.transaction(async (tx) => {
    // whoever changes the password just now ends the sessions that there are: after this one has begun, or before it is refused
    const current = await lockUser(tx, schema, user.name)
    if (current?.password !== user.password || current.disabledAt !== null) throw refused()
    const { id, secret } = await sessions.begin({ operator, userName: user.name, via: 'password' }, tx)
    const entry = {
      act: 'sign-in',
      subject: 'session',
      subjectId: id,
      after: { via: 'password', role: user.role },
    }
    await writeAudit(entry, { operator, via: 'session', requestId }, tx)
    return secret
  })
}

function refused(): CoatcheckError {
  return new CoatcheckError('SIGN_IN_REFUSED', 'the name or the password is wrong')
}
