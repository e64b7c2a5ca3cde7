import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

export interface NewLinkRow {
  readonly id: string
  /** SHA-256 of the token, in hexadecimal. */
  readonly digest: string
  readonly role: string
}

const insert = statement(
  'create-operator-link',
  (schema) => `
  insert into ${schema}.operator_link (id, digest, role, created_at, expires_at)
  select $1, decode($2, 'hex'), $3, c.now_at, c.now_at + $4::float8 * interval '1 ms'
  from (select ${schema}.clock() as now_at) as c
  returning ${schema}.epoch_ms(expires_at) as expires_at`,
)

/** @returns when it ends, in milliseconds */
export async function insertLink(
  runner: Runner,
  schema: string,
  { id, digest, role }: NewLinkRow,
  lifeMs: number,
): Promise<number> {
  const [row] = await runner.run(insert(schema), [id, digest, role, lifeMs])
  return row?.['expires_at'] as number
}

// Two who come with it at once: the second waits for the first, and finds it used.
const use = statement(
  'use-operator-link',
  (schema) => `
  update ${schema}.operator_link
  set used_at = ${schema}.clock()
  where digest = decode($1, 'hex') and used_at is null and expires_at > ${schema}.clock()
  returning id, role`,
)

/** Uses a link up. @returns undefined where there is none, it was used, or it is too old */
export async function useLink(
  runner: Runner,
  schema: string,
  digest: string,
): Promise<{ readonly id: string; readonly role: string } | undefined> {
  const [row] = await runner.run(use(schema), [digest])
  return row && { id: row['id'] as string, role: row['role'] as string }
}

const prune = statement(
  'prune-operator-links',
  (schema) => `
  delete from ${schema}.operator_link
  where ctid = any (array(
    select l.ctid
    from ${schema}.operator_link l
    where l.expires_at < ${schema}.clock() - interval '1 day'
    order by l.expires_at
    limit 100
    for update skip locked
  ))`,
)

/** Takes some links away that have been over for a day. */
export async function pruneLinks(runner: Runner, schema: string): Promise<void> {
  await runner.run(prune(schema))
}
