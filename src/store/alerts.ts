import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

export type AlertSeverity = 'warning' | 'critical'

/** Something that an operator should know. */
export interface FoundAlert {
  readonly rule: string
  /** The queue or the node that it is about. */
  readonly subject: string
  readonly severity: AlertSeverity
  readonly title: string
}

/** Times in milliseconds. */
export interface AlertRow extends FoundAlert {
  readonly id: string
  readonly since: number
  /** Undefined while it is so. */
  readonly until: number | undefined
}

const turn = statement(
  'alert-turn',
  (schema) => `
  update ${schema}.alert_pass
  set looked_at = ${schema}.clock()
  where one and not looked_at between ${schema}.clock() - $1 * interval '1 ms' and ${schema}.clock()
  returning 1`,
)

/** Whether it is this node's turn to look: nobody has for so long. */
export async function takeAlertTurn(runner: Runner, schema: string, everyMs: number): Promise<boolean> {
  return (await runner.run(turn(schema), [everyMs])).length > 0
}

const sync = statement(
  'sync-alerts',
  (schema) => `
  with found as (
    select * from json_to_recordset($1) as f(rule text, subject text, severity text, title text)
  ), cleared as (
    update ${schema}.alert a
    set until = ${schema}.clock()
    where a.until is null and not exists (select from found f where f.rule = a.rule and f.subject = a.subject)
    returning a.rule, a.subject, a.severity, a.title
  ), worded as (
    update ${schema}.alert a
    set title = f.title, severity = f.severity
    from found f
    where a.until is null and a.rule = f.rule and a.subject = f.subject and (a.title, a.severity) <> (f.title, f.severity)
  ), raised as (
    insert into ${schema}.alert (rule, subject, severity, title, since)
    select f.rule, f.subject, f.severity, f.title, ${schema}.clock()
    from found f
    where not exists (select from ${schema}.alert a where a.until is null and a.rule = f.rule and a.subject = f.subject)
    on conflict (rule, subject) where until is null do nothing
    returning rule, subject, severity, title
  )
  select true as is_raised, * from raised
  union all
  select false, * from cleared`,
)

/** Makes the open alerts those that were found. @returns those that were raised now, and those that were cleared */
export async function syncAlerts(
  runner: Runner,
  schema: string,
  found: readonly FoundAlert[],
): Promise<{ readonly raised: FoundAlert[]; readonly cleared: FoundAlert[] }> {
  const rows = await runner.run(sync(schema), [JSON.stringify(found)])
  const all = rows.map((row) => ({
    isRaised: row['is_raised'] === true,
    alert: {
      rule: row['rule'] as string,
      subject: row['subject'] as string,
      severity: row['severity'] as AlertSeverity,
      title: row['title'] as string,
    },
  }))
  return {
    raised: all.filter(({ isRaised }) => isRaised).map(({ alert }) => alert),
    cleared: all.filter(({ isRaised }) => !isRaised).map(({ alert }) => alert),
  }
}

const page = statement(
  'alerts',
  (schema) => `
  select a.id, a.rule, a.subject, a.severity, a.title, ${schema}.epoch_ms(a.since) as since, ${schema}.epoch_ms(a.until) as until
  from (
    (select * from ${schema}.alert where alert.until is null limit 1000)
    union all
    (select * from ${schema}.alert where alert.until is not null and not $2 order by alert.until desc limit $1)
  ) as a
  order by a.until desc nulls first, a.since desc, a.id desc
  limit 1000 + $1`,
)

/** The open alerts, and after them those that were cleared last. @param isOpen none of the latter */
export async function readAlerts(
  runner: Runner,
  schema: string,
  limit: number,
  isOpen: boolean,
): Promise<AlertRow[]> {
  const rows = await runner.run(page(schema), [limit, isOpen])
  return rows.map((row) => ({
    id: String(row['id']),
    rule: row['rule'] as string,
    subject: row['subject'] as string,
    severity: row['severity'] as AlertSeverity,
    title: row['title'] as string,
    since: row['since'] as number,
    until: (row['until'] as number | null) ?? undefined,
  }))
}

const rates = statement(
  'broken-rates',
  (schema) => `
  select s.queue, sum(s.succeeded) as succeeded, sum(s.broken) as broken
  from ${schema}.queue_statistic s
  where s.span = 60 and s.at > (select ${schema}.clock()) - interval '10 minutes' and s.queue > 0
  group by s.queue
  having sum(s.broken) > 0`,
)

/** How many items of queues ended well and were broken in the last ten minutes, where any were. */
export async function readBrokenRates(
  runner: Runner,
  schema: string,
): Promise<{ readonly queue: number; readonly succeeded: number; readonly broken: number }[]> {
  const rows = await runner.run(rates(schema))
  return rows.map((row) => ({
    queue: row['queue'] as number,
    succeeded: Number(row['succeeded']),
    broken: Number(row['broken']),
  }))
}

const expire = statement(
  'expire-alerts',
  (schema) => `
  delete from ${schema}.alert
  where ctid = any (array(
    select a.ctid from ${schema}.alert a where a.until < (select ${schema}.clock()) - interval '30 days' limit $1 for update skip locked
  ))
  returning 1`,
)

/** Deletes those that were cleared 30 days ago, at most `limit`. @returns how many went */
export async function expireAlerts(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(expire(schema), [limit])).length
}
