import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** Names a call, and what stands for its payload. */
export interface CallRow {
  readonly scope: string
  readonly key: string
  readonly digest: string
  readonly holder: string
  /** How long its answer is kept. */
  readonly keptMs: number
}

/** A call of that key as another one left it. */
export interface KnownCall {
  readonly digest: string
  /** JSON; undefined while it runs. */
  readonly answer: string | undefined
}

// One whose holder has died is run again, for the payload that it was for.
const claim = statement(
  'claim-call',
  (schema) => `
  insert into ${schema}.idempotent_call as c (scope, key, digest, holder, lease_until, expires_at)
  values ($1, $2, $3, $4, ${schema}.clock() + $5 * interval '1 ms', ${schema}.clock() + $6 * interval '1 ms')
  on conflict (scope, key) do update
  set digest = excluded.digest, holder = excluded.holder, lease_until = excluded.lease_until, expires_at = excluded.expires_at, answer = null
  where c.expires_at < ${schema}.clock()
    or c.answer is null and c.lease_until < ${schema}.clock() and c.digest = excluded.digest
  returning true as claimed`,
)

const known = statement(
  'known-call',
  (schema) => `
  select digest, answer from ${schema}.idempotent_call where scope = $1 and key = $2`,
)

/** Takes a call for its holder. @returns undefined where it has it; else how the call stands */
export async function claimCall(
  runner: Runner,
  schema: string,
  call: CallRow,
  leaseMs: number,
): Promise<KnownCall | undefined> {
  const { scope, key, digest, holder, keptMs } = call
  for (;;) {
    const values = [scope, key, digest, holder, leaseMs, Math.max(keptMs, leaseMs)]
    const claimed = await runner.run(claim(schema), values)
    if (claimed.length > 0) return undefined
    const [row] = await runner.run(known(schema), [scope, key])
    // Gone between the two: given back, or its time was over.
    if (row) return { digest: row['digest'] as string, answer: (row['answer'] as string | null) ?? undefined }
  }
}

const renew = statement(
  'renew-call',
  (schema) => `
  update ${schema}.idempotent_call
  set lease_until = ${schema}.clock() + $4 * interval '1 ms'
  where scope = $1 and key = $2 and holder = $3
  returning true as renewed`,
)

/** @returns whether the call is still its holder's */
export async function renewCall(
  runner: Runner,
  schema: string,
  { scope, key, holder }: CallRow,
  leaseMs: number,
): Promise<boolean> {
  return (await runner.run(renew(schema), [scope, key, holder, leaseMs])).length > 0
}

const answer = statement(
  'answer-call',
  (schema) => `
  update ${schema}.idempotent_call
  set answer = $4, expires_at = ${schema}.clock() + $5 * interval '1 ms'
  where scope = $1 and key = $2 and holder = $3 and answer is null
  returning true as answered`,
)

/** Records what a call was answered with. @returns whether the call was still its holder's */
export async function answerCall(
  runner: Runner,
  schema: string,
  { scope, key, holder, keptMs }: CallRow,
  text: string,
): Promise<boolean> {
  return (await runner.run(answer(schema), [scope, key, holder, text, keptMs])).length > 0
}

const release = statement(
  'release-call',
  (schema) => `
  delete from ${schema}.idempotent_call where scope = $1 and key = $2 and holder = $3 and answer is null`,
)

/** Gives a call back, as if it had never come. */
export async function releaseCall(
  runner: Runner,
  schema: string,
  { scope, key, holder }: CallRow,
): Promise<void> {
  await runner.run(release(schema), [scope, key, holder])
}

const expire = statement(
  'expire-calls',
  (schema) => `
  delete from ${schema}.idempotent_call
  where ctid = any (array(
    select ctid
    from ${schema}.idempotent_call
    where expires_at < (select ${schema}.clock())
    order by expires_at
    limit $1
    for update skip locked
  ))
  returning 1`,
)

/** Deletes calls whose answers are not kept any more, at most `limit`. @returns how many went */
export async function expireCalls(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(expire(schema), [limit])).length
}
