import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** What a node says of what it was made with. The texts are JSON, and hold no secret. */
export interface NodeDescription {
  /** Of `applications`: the same where these are. */
  readonly digest: string
  readonly applications: string
  readonly settings: string
}

// Not where the node is not entered, or not any more: its heartbeat sees to that.
const write = statement(
  'write-node-description',
  (schema) => `
  insert into ${schema}.node_description as d (boot_id, digest, applications, settings)
  select n.boot_id, $2, $3, $4
  from ${schema}.node n
  where n.boot_id = $1
  on conflict (boot_id) do update
  set digest = excluded.digest, applications = excluded.applications, settings = excluded.settings
  where (d.digest, d.settings) is distinct from (excluded.digest, excluded.settings)`,
)

export async function writeNodeDescription(
  runner: Runner,
  schema: string,
  bootId: string,
  { digest, applications, settings }: NodeDescription,
): Promise<void> {
  await runner.run(write(schema), [bootId, digest, applications, settings])
}

const selectSettings = statement(
  'node-settings',
  (schema) => `
  select d.boot_id, d.settings
  from ${schema}.node_description d
  join ${schema}.node n on n.boot_id = d.boot_id
  where n.lease_until > ${schema}.clock()
  order by n.started_at, n.boot_id
  limit 1000`,
)

/** What living nodes say of their options: JSON by boot id, of 1,000 nodes at most. */
export async function readNodeSettings(runner: Runner, schema: string): Promise<Map<string, string>> {
  const rows = await runner.run(selectSettings(schema))
  return new Map(rows.map((row) => [row['boot_id'] as string, row['settings'] as string]))
}

// A text is read once however many nodes say it, and of 50 releases at most: it may be long.
const selectApplications = statement(
  'node-applications',
  (schema) => `
  select t.boot_id, t.digest, case when t.turn = 1 and t.release <= 50 then t.applications end as applications
  from (
    select d.boot_id, d.digest, d.applications,
      row_number() over (partition by d.digest order by d.boot_id) as turn,
      dense_rank() over (order by d.digest) as release
    from ${schema}.node_description d
    join ${schema}.node n on n.boot_id = d.boot_id
    where n.lease_until > ${schema}.clock()
    order by n.started_at, n.boot_id
    limit 1000
  ) as t`,
)

/** What living nodes say of their applications: JSON by boot id, of 1,000 nodes at most. */
export async function readNodeApplications(runner: Runner, schema: string): Promise<Map<string, string>> {
  const rows = await runner.run(selectApplications(schema))
  const texts = new Map<string, string>()
  for (const row of rows)
    if (row['applications'] !== null) texts.set(row['digest'] as string, row['applications'] as string)
  return new Map(
    rows.flatMap((row) => {
      const text = texts.get(row['digest'] as string)
      return text === undefined ? [] : [[row['boot_id'] as string, text] as const]
    }),
  )
}
