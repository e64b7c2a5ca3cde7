import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { OpenDatabase } from '../store/database.ts'
import { revokeSessionsOf } from '../store/operator-sessions.ts'
import { changeUser, insertUser, lockUser, type UserRow } from '../store/operator-users.ts'
import type { AuditAuthor, WriteAudit } from './audit.ts'
import { operatorRoles, type OperatorRole } from './operator.ts'
import { hashPassword, problemOfPassword } from './password.ts'

/** A user as it is shown. */
export interface User {
  readonly name: string
  readonly role: OperatorRole
  readonly accessGroup?: string
  /** Whether it can sign in with a password. */
  readonly hasPassword: boolean
  readonly isDisabled: boolean
  readonly createdAt: Date
  readonly disabledAt?: Date
}

export interface NewUser {
  readonly name: string
  readonly role: OperatorRole
  readonly password?: string | undefined
  readonly accessGroup?: string | undefined
}

/** What is not given stays as it is. */
export interface UserChange {
  readonly role?: OperatorRole | undefined
  readonly password?: string | undefined
  readonly isDisabled?: boolean | undefined
  /** null: sees all. */
  readonly accessGroup?: string | null | undefined
}

/** Who changes a user, why, and which of its sessions goes on all the same. */
export interface UserAct {
  readonly author: AuditAuthor
  readonly reason?: string | undefined
  readonly ownSession?: string | undefined
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,99}$/u

/** The name of a user as it is kept: the same however it was typed. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

/** Users of the console, who sign in with a password. */
export class Users {
  readonly #database: OpenDatabase
  readonly #writeAudit: WriteAudit

  constructor(database: OpenDatabase, writeAudit: WriteAudit) {
    this.#database = database
    this.#writeAudit = writeAudit
  }

  /** @throws CoatcheckError `REQUEST_INVALID`, `USER_EXISTS` */
  async create(given: NewUser, { author, reason }: UserAct): Promise<User> {
    const { driver, schema } = this.#database
    const user = { role: given.role, accessGroup: given.accessGroup ?? null, name: foldName(given.name) }
    checkNew(given, user.name)
    // before the transaction: it takes its time
    const password = given.password === undefined ? null : await hashPassword(given.password)
    return driver.transaction(async (tx) => {
      if (!(await insertUser(tx, schema, { ...user, password })))
        throw new CoatcheckError('USER_EXISTS', `there is a user ${showValue(user.name)} already`)
      const made = toUser(await this.#read(tx, user.name))
      const entry = { act: 'user.create', subject: 'user', subjectId: user.name, after: told(made), reason }
      await this.#writeAudit(entry, author, tx)
      return made
    })
  }

  /**
   * Changes a user. A new password, and being disabled, ends its sessions.
   * @throws CoatcheckError `REQUEST_INVALID`, `USER_NOT_FOUND`
   */
  async change(
    givenName: string,
    change: UserChange,
    { author, reason, ownSession }: UserAct,
  ): Promise<User> {
    const { driver, schema } = this.#database
    const name = foldName(givenName)
    if (change.password !== undefined) checkPassword(change.password)
    checkGroup(change.accessGroup)
    const password = change.password === undefined ? null : await hashPassword(change.password)
    return driver.transaction(async (tx) => {
      const row = await this.#read(tx, name)
      await changeUser(tx, schema, {
        name,
        role: change.role ?? row.role,
        accessGroup: change.accessGroup === undefined ? row.accessGroup : change.accessGroup,
        password,
        isDisabled: change.isDisabled ?? row.disabledAt !== null,
      })
      if (password !== null || change.isDisabled)
        await revokeSessionsOf(tx, schema, name, change.isDisabled ? null : (ownSession ?? null))
      const changed = toUser(await this.#read(tx, name))
      const before = toUser(row)
      const names = changedNames(before, changed, password !== null)
      // Given as it was, nothing has been done.
      if (names.length === 0) return changed
      const after = { ...told(changed), ...(password !== null && { password: 'changed' }), changed: names }
      const act = actOf(names, changed)
      const entry = { act, subject: 'user', subjectId: name, before: told(before), after, reason }
      await this.#writeAudit(entry, author, tx)
      return changed
    })
  }

  async #read(tx: Parameters<typeof lockUser>[0], name: string): Promise<UserRow> {
    const row = /\0/.test(name) ? undefined : await lockUser(tx, this.#database.schema, name.toWellFormed())
    if (row) return row
    throw new CoatcheckError('USER_NOT_FOUND', `there is no user ${showValue(name)}`)
  }
}

/** A user as it is shown. */
export function toUser({ name, role, accessGroup, hasPassword, createdAt, disabledAt }: UserRow): User {
  return Object.freeze({
    name,
    role: role as OperatorRole,
    ...(accessGroup !== null && { accessGroup }),
    hasPassword,
    isDisabled: disabledAt !== null,
    createdAt: new Date(createdAt),
    ...(disabledAt !== null && { disabledAt: new Date(disabledAt) }),
  })
}

/** What the audit says of a user. */
function told({ role, accessGroup, isDisabled }: User): object {
  return { role, ...(accessGroup !== undefined && { accessGroup }), isDisabled }
}

/** What of a user is another now, whatever was given. */
function changedNames(before: User, after: User, hasNewPassword: boolean): string[] {
  const names = (['role', 'accessGroup', 'isDisabled'] as const).filter(
    (name) => before[name] !== after[name],
  )
  return hasNewPassword ? [...names, 'password'] : names
}

/** One line says all that was changed at once; who looks for those that were disabled finds them. */
function actOf(names: readonly string[], { isDisabled }: User): string {
  if (!names.includes('isDisabled')) return 'user.change'
  return isDisabled ? 'user.disable' : 'user.enable'
}

function checkNew({ role, password, accessGroup }: NewUser, name: string): void {
  if (!namePattern.test(name))
    throw invalid(
      'name',
      `${showValue(name)} is no name: write up to 100 letters, digits and . _ @ + -, a letter or digit first`,
    )
  if (!operatorRoles.includes(role))
    throw invalid('role', `${showValue(role)} is no role; the roles are ${operatorRoles.join(', ')}`)
  if (password !== undefined) checkPassword(password)
  checkGroup(accessGroup)
}

function checkPassword(password: string): void {
  const problem = problemOfPassword(password)
  if (problem !== undefined) throw invalid('password', `the password ${problem}`)
}

function checkGroup(group: string | null | undefined): void {
  if (group === undefined || group === null) return
  if (!/^[^\p{Cc}]{1,255}$/u.test(group) || !group.isWellFormed())
    throw invalid('accessGroup', 'an access group is 1 to 255 characters that can be shown')
}

function invalid(member: string, detail: string): CoatcheckError {
  return new CoatcheckError('REQUEST_INVALID', detail, { errors: [{ detail, pointer: `/${member}` }] })
}
