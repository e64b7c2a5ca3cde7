import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

// The row is locked while its times are counted, so that guesses that come at once, on whatever node, are counted one by one.
const take = statement(
  'take-sign-in-attempt',
  (schema) => `
  insert into ${schema}.sign_in_attempt as a (account, at, last_at)
  select decode($1, 'hex'), array[c.now_at], c.now_at
  from (select ${schema}.clock() as now_at) as c
  on conflict (account) do update
  set at = array(
      select t.at from unnest(a.at) as t(at) where t.at > excluded.last_at - interval '1 minute' order by t.at
    ) || excluded.last_at,
    last_at = greatest(a.last_at, excluded.last_at)
  where (
    select count(*) from unnest(a.at) as t(at) where t.at > excluded.last_at - interval '1 minute'
  ) < $2::int
  returning a.account`,
)

/**
 * Counts an attempt to sign in.
 * @param account SHA-256 of its name, in hexadecimal
 * @param most attempts of any minute
 * @returns false where there were as many already: this one is not counted
 */
export async function takeAttempt(
  runner: Runner,
  schema: string,
  account: string,
  most: number,
): Promise<boolean> {
  return (await runner.run(take(schema), [account, most])).length > 0
}

const prune = statement(
  'prune-sign-in-attempts',
  (schema) => `
  delete from ${schema}.sign_in_attempt
  where ctid = any (array(
    select a.ctid
    from ${schema}.sign_in_attempt a
    where a.last_at < ${schema}.clock() - interval '2 minutes'
    order by a.last_at
    limit 100
    for update skip locked
  ))`,
)

/** Takes some away that count no more. */
export async function pruneAttempts(runner: Runner, schema: string): Promise<void> {
  await runner.run(prune(schema))
}
