import { auditOf } from '../operate/audit.ts'
import type { OperatorRole } from '../operate/operator.ts'
import { toUser, Users, type User, type UserChange } from '../operate/users.ts'
import { listUsers } from '../store/operator-users.ts'
import { commandAuthor } from './command-author.ts'
import type { DatabaseFlags } from './configuration.ts'
import { withDatabase } from './existing-database.ts'
import { readPassword } from './password.ts'
import { showTable } from './table.ts'

export interface CreateUserFlags extends DatabaseFlags {
  readonly role: OperatorRole
  readonly accessGroup?: string
  /** False: the user gets none. */
  readonly password: boolean
}

/**
 * `coatcheck users create <name>`: makes a user of the console, with a password from the terminal or from stdin.
 * @throws CoatcheckError `REQUEST_INVALID`, `USER_EXISTS`, `SCHEMA_MISSING`, and what opening the database throws
 */
export async function createUser(name: string, flags: CreateUserFlags): Promise<void> {
  const { role, accessGroup } = flags
  const password = flags.password ? await readPassword() : undefined
  const made = await withUsers(flags, (users) =>
    users.create({ name, role, password, accessGroup }, { author: commandAuthor() }),
  )
  console.log(
    `User ${made.name} is made: ${made.role}${password === undefined ? ', without a password' : ''}.`,
  )
}

/**
 * `coatcheck users list`: shows the users of the console.
 * @throws as `createUser`
 */
export async function listAllUsers(flags: DatabaseFlags & { readonly json?: boolean }): Promise<void> {
  const users = await withDatabase(flags, async ({ driver, schema }) => {
    const all: User[] = []
    for (;;) {
      const page = await listUsers(driver, schema, all.at(-1)?.name ?? null, 1_000)
      all.push(...page.map(toUser))
      if (page.length < 1_000) return all
    }
  })
  if (flags.json) console.log(JSON.stringify(users, undefined, 2))
  else console.log(users.length === 0 ? 'There are no users.' : showUsers(users))
}

/**
 * `coatcheck users disable <name>`, `enable`: ends what a user may do, or begins it again.
 * @throws CoatcheckError `USER_NOT_FOUND`; as `createUser`
 */
export async function setDisabled(name: string, isDisabled: boolean, flags: DatabaseFlags): Promise<void> {
  const user = await change(name, { isDisabled }, flags)
  console.log(
    isDisabled
      ? `User ${user.name} is disabled; within 5 seconds no node lets it in any more.`
      : `User ${user.name} may sign in again.`,
  )
}

/**
 * `coatcheck users password <name>`: gives a user another password, from the terminal or from stdin.
 * @throws CoatcheckError `USER_NOT_FOUND`; as `createUser`
 */
export async function changePassword(name: string, flags: DatabaseFlags): Promise<void> {
  const user = await change(name, { password: await readPassword() }, flags)
  console.log(`User ${user.name} has another password; its sessions are over.`)
}

function change(name: string, what: UserChange, flags: DatabaseFlags): Promise<User> {
  return withUsers(flags, (users) => users.change(name, what, { author: commandAuthor() }))
}

function withUsers<T>(flags: DatabaseFlags, work: (users: Users) => Promise<T>): Promise<T> {
  return withDatabase(flags, (database) => work(new Users(database, auditOf(database))))
}

/** A line for each user, under their names. */
export function showUsers(users: readonly User[]): string {
  const rows = users.map(({ name, role, accessGroup, hasPassword, isDisabled, createdAt }) => [
    name,
    isDisabled ? 'disabled' : 'active',
    role,
    accessGroup ?? '-',
    hasPassword ? 'yes' : 'no',
    createdAt.toISOString().slice(0, 10),
  ])
  return showTable([['name', 'state', 'role', 'access group', 'password', 'created'], ...rows])
}
