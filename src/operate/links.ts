import { CoatcheckError } from '../base/errors.ts'
import type { OpenDatabase } from '../store/database.ts'
import { insertLink, pruneLinks, useLink } from '../store/operator-links.ts'
import type { AuditAuthor, WriteAudit } from './audit.ts'
import type { Operator, OperatorRole } from './operator.ts'
import { createPublicId, createSecret, digestOf } from './secret.ts'
import type { Sessions } from './sessions.ts'

const lifeMs = 10 * 60_000

/** A link that signs somebody in, once. */
export interface CreatedLink {
  readonly token: string
  readonly expiresAt: Date
}

/** Makes a link. What it opens is worth a line in the audit, before anybody has it. */
export function createLink(
  { driver, schema }: OpenDatabase,
  writeAudit: WriteAudit,
  role: OperatorRole,
  author: AuditAuthor,
): Promise<CreatedLink> {
  return driver.transaction(async (tx) => {
    const { secret, digest } = createSecret()
    const id = createPublicId()
    await pruneLinks(tx, schema)
    const expiresAt = await insertLink(tx, schema, { id, digest, role }, lifeMs)
    await writeAudit({ act: 'link.create', subject: 'link', subjectId: id, after: { role } }, author, tx)
    return { token: secret, expiresAt: new Date(expiresAt) }
  })
}

/**
 * Signs somebody in by a link. In one transaction, so that a link is used up only where there is a session.
 * @returns the secret of the session
 * @throws CoatcheckError `SIGN_IN_REFUSED`
 */
export function signInByLink(
  { driver, schema }: OpenDatabase,
  sessions: Sessions,
  writeAudit: WriteAudit,
  { token, requestId }: { readonly token: string; readonly requestId: string },
): Promise<string> {
  return driver.transaction(async (tx) => {
    const link = await useLink(tx, schema, digestOf(token))
    if (!link)
      throw new CoatcheckError(
        'SIGN_IN_REFUSED',
        'the link is not good any more: it was used, or is older than 10 minutes; coatcheck link makes another',
      )
    const operator: Operator = {
      id: `link:${link.id}`,
      name: 'one-time link',
      role: link.role as OperatorRole,
    }
    const { id, secret } = await sessions.begin({ operator, via: 'link' }, tx)
    const entry = {
      act: 'sign-in',
      subject: 'session',
      subjectId: id,
      after: { via: 'link', role: operator.role },
    }
    await writeAudit(entry, { operator, via: 'session', requestId }, tx)
    return secret
  })
}
