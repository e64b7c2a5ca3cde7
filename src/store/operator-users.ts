import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'

/** A user, without how the password is kept. */
export interface UserRow {
  readonly name: string
  readonly role: string
  readonly accessGroup: string | null
  readonly hasPassword: boolean
  readonly createdAt: number
  readonly disabledAt: number | null
}

const columns = (schema: string): string => `
  u.name, u.role, u.access_group, u.password is not null as has_password,
  ${schema}.epoch_ms(u.created_at) as created_at, ${schema}.epoch_ms(u.disabled_at) as disabled_at`

const insert = statement(
  'create-operator-user',
  (schema) => `
  insert into ${schema}.operator_user (name, role, access_group, password, created_at)
  values ($1, $2, $3, $4, ${schema}.clock())
  on conflict (name) do nothing
  returning name`,
)

/** @returns false where there is one of this name */
export async function insertUser(
  runner: Runner,
  schema: string,
  user: {
    readonly name: string
    readonly role: string
    readonly accessGroup: string | null
    readonly password: string | null
  },
): Promise<boolean> {
  const { name, role, accessGroup, password } = user
  return (await runner.run(insert(schema), [name, role, accessGroup, password])).length > 0
}

// Whoever changes a user reads it first; of two at once the second starts from what the first made of it.
/** A user, with how the password is kept. */
export interface KeptUser extends UserRow {
  readonly password: string | null
}

function toKeptUser(row: Row): KeptUser {
  return { ...toUserRow(row), password: row['password'] as string | null }
}

const lock = statement(
  'lock-operator-user',
  (schema) => `
  select ${columns(schema)}, u.password
  from ${schema}.operator_user u
  where u.name = $1
  for update`,
)

/** A user that nobody else changes until this transaction has ended, with how the password is kept. */
export async function lockUser(runner: Runner, schema: string, name: string): Promise<KeptUser | undefined> {
  const [row] = await runner.run(lock(schema), [name])
  return row && toKeptUser(row)
}

const change = statement(
  'change-operator-user',
  (schema) => `
  update ${schema}.operator_user
  set role = $2, access_group = $3, password = coalesce($4, password),
    disabled_at = case when $5::boolean then coalesce(disabled_at, ${schema}.clock()) end
  where name = $1`,
)

/** @param user a `password` of null leaves it as it is */
export async function changeUser(
  runner: Runner,
  schema: string,
  user: {
    readonly name: string
    readonly role: string
    readonly accessGroup: string | null
    readonly password: string | null
    readonly isDisabled: boolean
  },
): Promise<void> {
  const { name, role, accessGroup, password, isDisabled } = user
  await runner.run(change(schema), [name, role, accessGroup, password, isDisabled])
}

const list = statement(
  'list-operator-users',
  (schema) => `
  select ${columns(schema)}
  from ${schema}.operator_user u
  where $1::text is null or u.name > $1::text collate "C"
  order by u.name
  limit $2::int`,
)

/** Users in the order of their names. @param after the name that the last page ended with */
export async function listUsers(
  runner: Runner,
  schema: string,
  after: string | null,
  limit: number,
): Promise<UserRow[]> {
  return (await runner.run(list(schema), [after, limit])).map(toUserRow)
}

const find = statement(
  'find-operator-password',
  (schema) => `
  select ${columns(schema)}, u.password
  from ${schema}.operator_user u
  where u.name = $1`,
)

/** A user, with how the password is kept. */
export async function findUser(runner: Runner, schema: string, name: string): Promise<KeptUser | undefined> {
  const [row] = await runner.run(find(schema), [name])
  return row && toKeptUser(row)
}

const anyPassword = statement(
  'any-operator-password',
  (schema) => `
  select exists (
    select from ${schema}.operator_user u where u.password is not null and u.disabled_at is null
  ) as found`,
)

/** Whether anybody could sign in with a password. */
export async function hasAnyPassword(runner: Runner, schema: string): Promise<boolean> {
  const [row] = await runner.run(anyPassword(schema))
  return row?.['found'] === true
}

function toUserRow(row: Row): UserRow {
  return {
    name: row['name'] as string,
    role: row['role'] as string,
    accessGroup: row['access_group'] as string | null,
    hasPassword: row['has_password'] as boolean,
    createdAt: row['created_at'] as number,
    disabledAt: row['disabled_at'] as number | null,
  }
}
