import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'

export interface NewSessionRow {
  readonly id: string
  /** SHA-256 of what the cookie holds, in hexadecimal. */
  readonly digest: string
  readonly operator: string
  readonly name: string
  /** Whose role and access group count; null: those of the session do. */
  readonly userName: string | null
  readonly role: string | null
  readonly accessGroup: string | null
  readonly via: string
}

/** A session that is good. */
export interface SessionRow {
  readonly id: string
  readonly operator: string
  readonly name: string
  readonly role: string
  readonly accessGroup: string | null
  readonly via: string
  readonly createdAt: number
  /** To about a minute. */
  readonly seenAt: number
  /** When it ends if nothing more is asked. */
  readonly endsAt: number
  /** Whether its use is to be noted. */
  readonly isTouchDue: boolean
}

/** Without a request for so long a session is over. */
const idle = `interval '30 minutes'`

const columns = (schema: string): string => `
  s.id, s.operator, s.name, coalesce(u.role, s.role) as role,
  case when u.name is null then s.access_group else u.access_group end as access_group, s.via,
  ${schema}.epoch_ms(s.created_at) as created_at, ${schema}.epoch_ms(s.seen_at) as seen_at,
  ${schema}.epoch_ms(least(s.expires_at, s.seen_at + ${idle})) as ends_at,
  s.seen_at < c.now_at - interval '1 minute' as is_touch_due`

const isGood = `
  s.revoked_at is null and s.expires_at > c.now_at and s.seen_at > c.now_at - ${idle} and u.disabled_at is null`

const insert = statement(
  'create-operator-session',
  (schema) => `
  insert into ${schema}.operator_session (
    id, digest, operator, name, user_name, role, access_group, via, created_at, seen_at, expires_at
  )
  select $1, decode($2, 'hex'), $3, $4, $5, $6, $7, $8, c.now_at, c.now_at, c.now_at + $9::float8 * interval '1 ms'
  from (select ${schema}.clock() as now_at) as c`,
)

/** @param lifeMs however much is asked */
export async function insertSession(
  runner: Runner,
  schema: string,
  row: NewSessionRow,
  lifeMs: number,
): Promise<void> {
  await runner.run(insert(schema), [
    row.id,
    row.digest,
    row.operator,
    row.name,
    row.userName,
    row.role,
    row.accessGroup,
    row.via,
    lifeMs,
  ])
}

const find = statement(
  'find-operator-sessions',
  (schema) => `
  select ${columns(schema)}, encode(s.digest, 'hex') as digest
  from (select ${schema}.clock() as now_at) as c, ${schema}.operator_session s
  left join ${schema}.operator_user u on u.name = s.user_name
  where s.digest = any (array(select decode(d, 'hex') from unnest($1::text[]) as d)) and ${isGood}`,
)

/** The sessions that are good, by their digests. */
export async function findSessions(
  runner: Runner,
  schema: string,
  digests: readonly string[],
): Promise<Map<string, SessionRow>> {
  const rows = await runner.run(find(schema), [digests])
  return new Map(rows.map((row) => [row['digest'] as string, toSessionRow(row)]))
}

const list = statement(
  'list-operator-sessions',
  (schema) => `
  select ${columns(schema)}, (extract(epoch from s.expires_at) * 1000000)::int8::text as place
  from (select ${schema}.clock() as now_at) as c, ${schema}.operator_session s
  left join ${schema}.operator_user u on u.name = s.user_name
  where ${isGood}
    and ($1::text is null or s.operator = $1)
    and ($2::float8 is null or (s.expires_at, s.id) < ('epoch'::timestamptz + $2 * interval '1 microsecond', $3::text collate "C"))
  order by s.expires_at desc, s.id desc
  limit $4::int`,
)

/** The sessions that are good, the newest first. @param operator only theirs; null: of all */
export async function listSessions(
  runner: Runner,
  schema: string,
  operator: string | null,
  { after, limit }: { readonly after: { place: string; id: string } | undefined; readonly limit: number },
): Promise<(SessionRow & { readonly place: string })[]> {
  const rows = await runner.run(list(schema), [operator, after?.place ?? null, after?.id ?? null, limit])
  return rows.map((row) => ({ ...toSessionRow(row), place: row['place'] as string }))
}

const touch = statement(
  'touch-operator-session',
  (schema) => `
  update ${schema}.operator_session
  set seen_at = greatest(seen_at, ${schema}.clock())
  where id = $1`,
)

/** Notes that a session was used. */
export async function touchSession(runner: Runner, schema: string, id: string): Promise<void> {
  await runner.run(touch(schema), [id])
}

const revoke = statement(
  'revoke-operator-session',
  (schema) => `
  update ${schema}.operator_session
  set revoked_at = coalesce(revoked_at, ${schema}.clock())
  where id = $1 and ($2::text is null or operator = $2)
  returning operator, name, via`,
)

/** Ends a session. @param operator only one of theirs; null: of anybody. @returns whose it was */
export async function revokeSession(
  runner: Runner,
  schema: string,
  id: string,
  operator: string | null,
): Promise<{ readonly operator: string; readonly name: string; readonly via: string } | undefined> {
  const [row] = await runner.run(revoke(schema), [id, operator])
  return (
    row && { operator: row['operator'] as string, name: row['name'] as string, via: row['via'] as string }
  )
}

const revokeAll = statement(
  'revoke-sessions-of-user',
  (schema) => `
  update ${schema}.operator_session
  set revoked_at = ${schema}.clock()
  where user_name = $1 and revoked_at is null and id is distinct from $2`,
)

/** Ends the sessions of a user. @param but which one goes on */
export async function revokeSessionsOf(
  runner: Runner,
  schema: string,
  userName: string,
  but: string | null,
): Promise<void> {
  await runner.run(revokeAll(schema), [userName, but])
}

const prune = statement(
  'prune-operator-sessions',
  (schema) => `
  delete from ${schema}.operator_session
  where ctid = any (array(
    select s.ctid
    from ${schema}.operator_session s
    where s.expires_at < ${schema}.clock() - interval '30 days'
    order by s.expires_at
    limit 100
    for update skip locked
  ))`,
)

/** Takes some sessions away that have been over for a month. */
export async function pruneSessions(runner: Runner, schema: string): Promise<void> {
  await runner.run(prune(schema))
}

function toSessionRow(row: Row): SessionRow {
  return {
    id: row['id'] as string,
    operator: row['operator'] as string,
    name: row['name'] as string,
    role: row['role'] as string,
    accessGroup: row['access_group'] as string | null,
    via: row['via'] as string,
    createdAt: row['created_at'] as number,
    seenAt: row['seen_at'] as number,
    endsAt: row['ends_at'] as number,
    isTouchDue: row['is_touch_due'] as boolean,
  }
}
