import type { Row, Runner } from './driver.ts'
import { quotedSchema } from './schema-name.ts'
import { statement } from './statement.ts'

/** A line of the audit, before it is written. */
export interface NewAuditRow {
  readonly operator: string
  readonly name: string
  readonly act: string
  readonly subject: string
  readonly subjectId: string
  /** JSON. */
  readonly before: string | null
  readonly after: string | null
  readonly reason: string | null
  readonly via: string
  readonly requestId: string | null
}

export interface AuditRow extends NewAuditRow {
  readonly id: string
  /** Milliseconds. */
  readonly at: number
  /** The same in microseconds, to go on from. */
  readonly place: string
}

const insert = statement(
  'write-audit',
  (schema) => `
  insert into ${schema}.operator_audit (at, operator, name, act, subject, subject_id, before, after, reason, via, request_id)
  values (${schema}.clock(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
)

/** Writes a line: durable when it returns, or with the transaction that `runner` is. */
export async function insertAudit(runner: Runner, schema: string, row: NewAuditRow): Promise<void> {
  await runner.run(insert(schema), [
    row.operator,
    row.name,
    row.act,
    row.subject,
    row.subjectId,
    row.before,
    row.after,
    row.reason,
    row.via,
    row.requestId,
  ])
}

/** Which lines are meant: all that fit every member that is given. */
export interface AuditFilter {
  readonly operator?: string | undefined
  readonly act?: string | undefined
  readonly subject?: string | undefined
  readonly subjectId?: string | undefined
  /** Milliseconds. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** Where a page of the audit ended. */
export interface AuditPlace {
  readonly place: string
  readonly id: string
}

/** Lines of the audit, the newest first, behind a place. */
export async function readAudit(
  runner: Runner,
  schema: string,
  filter: AuditFilter,
  { after, limit }: { readonly after: AuditPlace | undefined; readonly limit: number },
): Promise<AuditRow[]> {
  const values: unknown[] = []
  const give = (value: unknown, type: string): string => `$${values.push(value)}::${type}`
  const conditions = [
    ...(['operator', 'act', 'subject'] as const).flatMap((name) =>
      filter[name] === undefined ? [] : [`a.${name} = ${give(filter[name], 'text')}`],
    ),
    ...(filter.subjectId === undefined ? [] : [`a.subject_id = ${give(filter.subjectId, 'text')}`]),
    ...(filter.from === undefined ? [] : [`a.at >= to_timestamp(${give(filter.from, 'float8')} / 1000)`]),
    ...(filter.to === undefined ? [] : [`a.at < to_timestamp(${give(filter.to, 'float8')} / 1000)`]),
    ...(after
      ? [
          `(a.at, a.id) < ('epoch'::timestamptz + ${give(after.place, 'float8')} * interval '1 microsecond', ${give(after.id, 'int8')})`,
        ]
      : []),
  ]
  const quoted = quotedSchema(schema)
  const text = `
  select a.id::text as id, ${quoted}.epoch_ms(a.at) as at, (extract(epoch from a.at) * 1000000)::int8::text as place,
    a.operator, a.name, a.act, a.subject, a.subject_id, a.before, a.after, a.reason, a.via, a.request_id
  from ${quoted}.operator_audit a
  ${conditions.length > 0 ? `where ${conditions.join('\n    and ')}` : ''}
  order by a.at desc, a.id desc
  limit ${give(limit, 'int')}`
  return (await runner.run({ text }, values)).map(toAuditRow)
}

function toAuditRow(row: Row): AuditRow {
  return {
    id: row['id'] as string,
    at: row['at'] as number,
    place: row['place'] as string,
    operator: row['operator'] as string,
    name: row['name'] as string,
    act: row['act'] as string,
    subject: row['subject'] as string,
    subjectId: row['subject_id'] as string,
    before: row['before'] as string | null,
    after: row['after'] as string | null,
    reason: row['reason'] as string | null,
    via: row['via'] as string,
    requestId: row['request_id'] as string | null,
  }
}
