import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'

/** What stands with a key when it is made. */
export interface NewApiKeyRow {
  readonly id: string
  readonly name: string
  /** SHA-256 of the secret, in hexadecimal. */
  readonly digest: string
  readonly roles: readonly string[]
  /** Each as `application/service`; null: all. */
  readonly services: readonly string[] | null
  readonly accessGroup: string | null
  readonly rate: { readonly quota: number; readonly windowMs: number } | null
}

export interface ApiKeyRow extends NewApiKeyRow {
  readonly createdAt: number
  readonly expiresAt: number | null
  /** To about five minutes. */
  readonly lastUsedAt: number | null
  readonly revokedAt: number | null
  /** By the clock of the database. */
  readonly isExpired: boolean
  /** Whether its last use is to be noted. */
  readonly isTouchDue: boolean
}

const columns = (schema: string): string => `
  k.id, k.name, encode(k.digest, 'hex') as digest, to_json(k.roles)::text as roles, to_json(k.services)::text as services,
  k.access_group, k.rate_quota, k.rate_window_ms,
  ${schema}.epoch_ms(k.created_at) as created_at, ${schema}.epoch_ms(k.expires_at) as expires_at,
  ${schema}.epoch_ms(k.last_used_at) as last_used_at, ${schema}.epoch_ms(k.revoked_at) as revoked_at,
  coalesce(k.expires_at <= c.now_at, false) as is_expired,
  coalesce(k.last_used_at < c.now_at - interval '5 minutes', true) as is_touch_due`

const insert = statement(
  'create-api-key',
  (schema) => `
  insert into ${schema}.api_key (
    id, name, digest, roles, services, access_group, rate_quota, rate_window_ms, created_at, expires_at
  )
  select $1, $2, decode($3, 'hex'), array(select json_array_elements_text($4::text::json)),
    case when $5::text is not null then array(select json_array_elements_text($5::text::json)) end,
    $6, $7::int, $8::int, c.now_at, c.now_at + $9::float8 * interval '1 ms'
  from (select ${schema}.clock() as now_at) as c`,
)

/** @param expiresInMs null: never */
export async function insertApiKey(
  runner: Runner,
  schema: string,
  key: NewApiKeyRow,
  expiresInMs: number | null,
): Promise<void> {
  await runner.run(insert(schema), [
    key.id,
    key.name,
    key.digest,
    JSON.stringify(key.roles),
    key.services && JSON.stringify(key.services),
    key.accessGroup,
    key.rate?.quota ?? null,
    key.rate?.windowMs ?? null,
    expiresInMs,
  ])
}

const find = statement(
  'find-api-keys',
  (schema) => `
  select ${columns(schema)}
  from (select ${schema}.clock() as now_at) as c, ${schema}.api_key k
  where k.id = any ($1::text[])`,
)

/** The keys of these ids, by the primary key. */
export async function findApiKeys(
  runner: Runner,
  schema: string,
  ids: readonly string[],
): Promise<ApiKeyRow[]> {
  return (await runner.run(find(schema), [ids])).map(toApiKeyRow)
}

const list = statement(
  'list-api-keys',
  (schema) => `
  select ${columns(schema)}
  from (select ${schema}.clock() as now_at) as c, ${schema}.api_key k
  order by k.created_at, k.id`,
)

/** All keys, the oldest first; those that were revoked too. */
export async function listApiKeys(runner: Runner, schema: string): Promise<ApiKeyRow[]> {
  return (await runner.run(list(schema))).map(toApiKeyRow)
}

const page = statement(
  'page-api-keys',
  (schema) => `
  select ${columns(schema)}, (extract(epoch from k.created_at) * 1000000)::int8::text as place
  from (select ${schema}.clock() as now_at) as c, ${schema}.api_key k
  where $1::float8 is null
    or (k.created_at, k.id) < ('epoch'::timestamptz + $1 * interval '1 microsecond', $2::text collate "C")
  order by k.created_at desc, k.id desc
  limit $3::int`,
)

/** Keys, the newest first; those that were revoked too. */
export async function pageApiKeys(
  runner: Runner,
  schema: string,
  { after, limit }: { readonly after: { place: string; id: string } | undefined; readonly limit: number },
): Promise<(ApiKeyRow & { readonly place: string })[]> {
  const rows = await runner.run(page(schema), [after?.place ?? null, after?.id ?? null, limit])
  return rows.map((row) => ({ ...toApiKeyRow(row), place: row['place'] as string }))
}

const revoke = statement(
  'revoke-api-key',
  (schema) => `
  update ${schema}.api_key
  set revoked_at = coalesce(revoked_at, ${schema}.clock())
  where id = $1
  returning id`,
)

/** @returns whether there is such a key */
export async function revokeApiKey(runner: Runner, schema: string, id: string): Promise<boolean> {
  return (await runner.run(revoke(schema), [id])).length > 0
}

// Nodes that note the same use at once write once.
const touch = statement(
  'touch-api-key',
  (schema) => `
  update ${schema}.api_key
  set last_used_at = ${schema}.clock()
  where id = $1 and coalesce(last_used_at < ${schema}.clock() - interval '5 minutes', true)`,
)

/** Notes that a key was used, unless that was noted within five minutes. */
export async function touchApiKey(runner: Runner, schema: string, id: string): Promise<void> {
  await runner.run(touch(schema), [id])
}

function toApiKeyRow(row: Row): ApiKeyRow {
  const quota = row['rate_quota'] as number | null
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    digest: row['digest'] as string,
    roles: JSON.parse(row['roles'] as string) as string[],
    services: row['services'] === null ? null : (JSON.parse(row['services'] as string) as string[]),
    accessGroup: row['access_group'] as string | null,
    rate: quota === null ? null : { quota, windowMs: row['rate_window_ms'] as number },
    createdAt: row['created_at'] as number,
    expiresAt: row['expires_at'] as number | null,
    lastUsedAt: row['last_used_at'] as number | null,
    revokedAt: row['revoked_at'] as number | null,
    isExpired: row['is_expired'] as boolean,
    isTouchDue: row['is_touch_due'] as boolean,
  }
}
