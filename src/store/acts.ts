import type { ActKind } from '../base/act-kind.ts'
import type { Row, Runner } from './driver.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'

/** An act that has not been decided. */
export interface OpenAct extends PartitionName {
  readonly id: string
  readonly item: string
  readonly kind: ActKind
  /** JSON. */
  readonly arguments: string | null
  readonly operator: string | null
  readonly reason: string | null
}

/** An act as it stands. */
export interface ActRow extends OpenAct {
  /** Null while it is open. */
  readonly verdict: 'applied' | 'refused' | null
  /** In which state the item was met; null while it is open. */
  readonly state: string | null
  readonly askedAt: number
  readonly decidedAt: number | null
}

// An act sent again after its answer was lost meets itself. A lane may lie in another partition than the id says; and where that
// one is of an older generation and closed, the item is in the one that comes after it, or has ended.
const insert = statement(
  'ask-acts',
  (schema) => `
  insert into ${schema}.act (id, queue, partition, item, kind, arguments, operator, reason, asked_at, verdict, state, decided_at)
  select r.id, r.queue, coalesce(b.partition, w.partition, ${schema}.present_partition(r.queue, r.partition, t.key, r.item)), r.item, r.kind, r.arguments, r.operator, r.reason, ${schema}.clock(),
    r.verdict, r.state, case when r.verdict is not null then ${schema}.clock() end
  from json_to_recordset($1) as r(
    id uuid, queue int, partition int, item uuid, kind text, arguments text, operator text, reason text, verdict text, state text
  )
  left join ${schema}.broken_item b on b.id = r.item
  left join ${schema}.waiting_item w on w.id = r.item
  left join ${schema}.tracked_item t on t.id = r.item
  on conflict (id) do nothing
  returning id`,
)

/**
 * Asks for acts: durable when it returns, or with the transaction that `runner` is.
 * @returns how many had not been asked for by an earlier call, whose answer was lost
 */
export async function insertActs(runner: Runner, schema: string, acts: readonly OpenAct[]): Promise<number> {
  return (await runner.run(insert(schema), [JSON.stringify(acts)])).length
}

/** Records an act that was decided by whoever asked for it, and a line in the item's log: with the caller's transaction. */
export async function insertDecided(
  runner: Pick<Runner, 'query'>,
  schema: string,
  act: OpenAct & { readonly verdict: 'applied'; readonly state: string },
  line: Omit<ActLine, 'id'>,
): Promise<void> {
  await runner.query(insert(schema).text, [JSON.stringify([act])])
  await writeLine(runner, schema, { ...line, id: act.item })
}

/** A line of an item's log, outside any attempt. */
export interface ActLine {
  readonly id: string
  readonly event: string
  readonly message: string
  /** JSON. */
  readonly data: string
}

const lineOf = statement(
  'write-act-line',
  (schema) => `
  insert into ${schema}.item_log (id, at, attempt, event, message, data)
  values ($1::uuid, ${schema}.clock(), 0, $2, $3, $4)`,
)

export async function writeLine(
  runner: Pick<Runner, 'query'>,
  schema: string,
  { id, event, message, data }: ActLine,
): Promise<void> {
  await runner.query(lineOf(schema).text, [id, event, message, data])
}

const notify = statement('act-hint', () => `select pg_notify($1, $2)`)

/** The channel on which owners are told that acts were asked for; a hint only. */
export function actChannel(schema: string): string {
  return `${schema}_act`
}

/** Tells the owners that there are acts. */
export async function hintActs(runner: Runner, schema: string): Promise<void> {
  await runner.run(notify(schema), [actChannel(schema), ''])
}

const columns = `a.id, a.queue, a.partition, a.item, a.kind, a.arguments, a.operator, a.reason`

const open = statement(
  'open-acts',
  (schema) => `
  select ${columns}
  from json_to_recordset($1) as p(queue int, partition int)
  cross join lateral (
    select *
    from ${schema}.act
    where act.queue = p.queue and act.partition = p.partition and act.verdict is null and not act.id = any ($2::uuid[])
    order by act.asked_at, act.id
    limit $3
  ) as a
  order by a.asked_at, a.id`,
)

/** Open acts of partitions in the order they were asked for, leaving out those in `known`; at most `limit` of each. */
export async function readOpenActs(
  runner: Runner,
  schema: string,
  partitions: readonly PartitionName[],
  known: readonly string[],
  limit: number,
): Promise<OpenAct[]> {
  const names = partitions.map(({ queue, partition }) => ({ queue, partition }))
  const rows = await runner.run(open(schema), [JSON.stringify(names), known, limit])
  return rows.map(toOpenAct)
}

const byId = statement(
  'acts-by-id',
  (schema) => `
  select ${columns}, a.verdict, a.state, ${schema}.epoch_ms(a.asked_at) as asked_at, ${schema}.epoch_ms(a.decided_at) as decided_at
  from ${schema}.act a
  where a.id = any ($1::uuid[])`,
)

/** How acts stand. */
export async function readActs(
  runner: Runner,
  schema: string,
  ids: readonly string[],
  timeoutMs?: number,
): Promise<ActRow[]> {
  const rows = await runner.run(byId(schema), [ids], timeoutMs === undefined ? {} : { timeoutMs })
  return rows.map(toAct)
}

const ofItem = statement(
  'acts-of-item',
  (schema) => `
  select ${columns}, a.verdict, a.state, ${schema}.epoch_ms(a.asked_at) as asked_at, ${schema}.epoch_ms(a.decided_at) as decided_at
  from ${schema}.act a
  where a.item = $1
  order by a.asked_at desc, a.id
  limit $2`,
)

/** What was asked for an item in the last 7 days, the newest first. */
export async function readActsOfItem(
  runner: Runner,
  schema: string,
  item: string,
  limit: number,
): Promise<ActRow[]> {
  return (await runner.run(ofItem(schema), [item, limit])).map(toAct)
}

const expire = statement(
  'expire-acts',
  (schema) => `
  with gone as (
    delete from ${schema}.act
    where ctid = any (array(
      select ctid from ${schema}.act
      where decided_at < (select ${schema}.clock()) - interval '7 days'
      order by decided_at
      limit $1
      for update skip locked
    ))
    returning id
  )
  select count(*)::int as rows from gone`,
)

/** Deletes acts that were decided 7 days ago, at most `limit`; the item's log keeps its line. @returns how many went */
export async function expireActs(runner: Runner, schema: string, limit: number): Promise<number> {
  const [row] = await runner.run(expire(schema), [limit])
  return row?.['rows'] as number
}

// A visitor's release: a dead owner stays the owner of record, so that whoever takes the partition over sees that it died.
const handBack = statement(
  'hand-back-partition',
  (schema) => `
  update ${schema}.partition p
  set owner = $5::uuid
  where p.queue = $1 and p.partition = $2 and p.owner = $3 and p.epoch = $4`,
)

/** Gives a partition back to the owner that it had, dead or none. */
export async function handBackPartition(
  runner: Runner,
  schema: string,
  name: PartitionName & { readonly epoch: number },
  bootId: string,
  before: string | undefined,
): Promise<void> {
  await runner.run(handBack(schema), [name.queue, name.partition, bootId, name.epoch, before ?? null])
}

function toAct(row: Row): ActRow {
  return {
    ...toOpenAct(row),
    verdict: row['verdict'] as ActRow['verdict'],
    state: row['state'] as string | null,
    askedAt: row['asked_at'] as number,
    decidedAt: row['decided_at'] as number | null,
  }
}

function toOpenAct(row: Row): OpenAct {
  return {
    id: row['id'] as string,
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    item: row['item'] as string,
    kind: row['kind'] as ActKind,
    arguments: row['arguments'] as string | null,
    operator: row['operator'] as string | null,
    reason: row['reason'] as string | null,
  }
}
