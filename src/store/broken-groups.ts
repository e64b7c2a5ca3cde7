import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'

/** Broken items that have the definition, the code and the sentence in common, but for what differs each time. */
export interface BrokenGroup {
  readonly fingerprint: string
  readonly queue: string
  readonly definition: string
  /** Counts to 1,000. */
  readonly count: number
  readonly isAtLeast: boolean
  /** Milliseconds. */
  readonly firstAt: number
  readonly lastAt: number
  /** The one that was broken last. */
  readonly sample: string
  readonly code: string
  /** Without what differs each time. */
  readonly message: string
}

const maxCounted = 1_000

const kindOf = (schema: string, row: string): string =>
  `${row}.queue, ${row}.definition collate "C", ${schema}.fingerprint(${row}.definition, ${row}.failure)`
const isOfKind = (schema: string): string =>
  `(${kindOf(schema, 'b')}) = (g.queue, g.definition collate "C", g.fingerprint)`

const group = (schema: string): string =>
  `b.queue, b.definition, ${schema}.fingerprint(b.definition, b.failure) as fingerprint`

/** The first group, and from each the next one. */
const chain = (schema: string): string => `
    (
      select ${group(schema)}, 1 as nth
      from ${schema}.broken_item b
      where $1::int is null or b.queue = $1
      order by ${kindOf(schema, 'b')}
      limit 1
    )
    union all
    select next.queue, next.definition, next.fingerprint, g.nth + 1
    from groups g
    cross join lateral (
      select ${group(schema)}
      from ${schema}.broken_item b
      where (${kindOf(schema, 'b')}) > (g.queue, g.definition collate "C", g.fingerprint) and ($1::int is null or b.queue = $1)
      order by ${kindOf(schema, 'b')}
      limit 1
    ) as next
    where g.nth < $2`

/** The same of some definitions, queue by queue: what is of others is not gone through. */
const chainOf = (schema: string): string => `
    select first.queue, first.definition, first.fingerprint, 1 as nth
    from ${schema}.queue q
    cross join unnest($3::text[]) as d(definition)
    cross join lateral (
      select ${group(schema)}
      from ${schema}.broken_item b
      where b.queue = q.number and b.definition collate "C" = d.definition collate "C"
      order by ${kindOf(schema, 'b')}
      limit 1
    ) as first
    where $1::int is null or q.number = $1
    union all
    select next.queue, next.definition, next.fingerprint, g.nth + 1
    from groups g
    cross join lateral (
      select ${group(schema)}
      from ${schema}.broken_item b
      where b.queue = g.queue and b.definition collate "C" = g.definition collate "C"
        and ${schema}.fingerprint(b.definition, b.failure) > g.fingerprint
      order by ${kindOf(schema, 'b')}
      limit 1
    ) as next
    where g.nth < $2`

// From one group to the next by the index, so that it costs the same however many items a group has; each is counted up to a bound.
const select = (name: string, groups: (schema: string) => string) =>
  statement(
    name,
    (schema) => `
  with recursive groups as (${groups(schema)}
  )
  select g.fingerprint, q.name as queue, g.definition, counted.n, ${schema}.epoch_ms(first.broken_at) as first_at,
    ${schema}.epoch_ms(last.broken_at) as last_at, last.id, coalesce(last.failure::json ->> 'code', '') as code,
    ${schema}.plain_message(coalesce(last.failure::json ->> 'message', '')) as message
  from (select * from groups limit $2) as g
  join ${schema}.queue q on q.number = g.queue
  cross join lateral (
    select count(*) as n from (
      select from ${schema}.broken_item b where ${isOfKind(schema)} limit ${maxCounted + 1}
    ) as limited
  ) as counted
  cross join lateral (
    select b.broken_at from ${schema}.broken_item b where ${isOfKind(schema)} order by b.broken_at limit 1
  ) as first
  cross join lateral (
    select b.broken_at, b.id, b.failure from ${schema}.broken_item b where ${isOfKind(schema)} order by b.broken_at desc limit 1
  ) as last
  order by counted.n desc, last.broken_at desc`,
  )

const selectAll = select('broken-groups', chain)
const selectOf = select('broken-groups-of', chainOf)

/**
 * @param limit groups that are gone through
 * @returns isCut: there are more
 */
export async function readBrokenGroups(
  runner: Runner,
  schema: string,
  queue: number | undefined,
  definitions: readonly string[] | undefined,
  limit: number,
): Promise<{ readonly groups: BrokenGroup[]; readonly isCut: boolean }> {
  const rows = await (definitions === undefined
    ? runner.run(selectAll(schema), [queue ?? null, limit + 1])
    : runner.run(selectOf(schema), [queue ?? null, limit + 1, definitions]))
  return { groups: rows.slice(0, limit).map(toGroup), isCut: rows.length > limit }
}

function toGroup(row: Row): BrokenGroup {
  return {
    fingerprint: row['fingerprint'] as string,
    queue: row['queue'] as string,
    definition: row['definition'] as string,
    count: Math.min(Number(row['n']), maxCounted),
    isAtLeast: Number(row['n']) > maxCounted,
    firstAt: row['first_at'] as number,
    lastAt: row['last_at'] as number,
    sample: row['id'] as string,
    code: row['code'] as string,
    message: row['message'] as string,
  }
}

const fingerprintOf = statement(
  'fingerprint-of-item',
  (schema) => `
  select ${schema}.fingerprint(b.definition, b.failure) as fingerprint from ${schema}.broken_item b where b.id = $1`,
)

/** The group that a broken item is of; undefined where it is not broken any more. */
export async function readFingerprint(
  runner: Runner,
  schema: string,
  id: string,
): Promise<string | undefined> {
  const [row] = await runner.run(fingerprintOf(schema), [id])
  return row?.['fingerprint'] as string | undefined
}
