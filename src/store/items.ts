import type { Row, Runner } from './driver.ts'
import { entryJson } from './entry-json.ts'
import { statement } from './statement.ts'

/** What the database knows of one item, wherever it is. */
export interface ItemRow {
  readonly place: 'tracked' | 'waiting' | 'broken' | 'log'
  readonly state: string
  readonly definition: string
  readonly key: string | null
  readonly attempts: number
  readonly context: string | null
  readonly input: string | null
  /** Null also where it is longer than was asked for. */
  readonly result: string | null
  readonly resultBytes: number | null
  readonly failure: string | null
  readonly progress: string | null
  readonly reply: string | null
  readonly reason: string | null
  readonly enqueuedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly dueAt: number | null
  readonly heldBy: string | null
  /** Its retention is over; a broken item is there all the same. */
  readonly expired: boolean
}

// One statement, one snapshot: separate ones would miss an item on its way from one place to the next. A lane says where
// the item is now (what runs from there, once that was published, is told by the tracked row); the log says it of those that no settle and no index pass has met yet.
const lookup = statement(
  'look-up-item',
  (schema) => `
  select
    case when b.id is not null then 'broken' when w.id is not null then 'waiting' when t.id is not null then 'tracked' when l.entry is not null then 'log' end as place,
    case when b.id is not null then 'broken' when w.id is not null and t.state = 'running' then 'running' when w.id is not null then w.state when t.id is not null then t.state when l.done then 'gone' when l.entry -> 'f' is not null then 'scheduled' else 'ready' end as state,
    coalesce(b.definition, w.definition, t.definition, l.entry ->> 'd') as definition,
    case when b.id is not null then b.key when w.id is not null then w.key when t.id is not null then t.key else l.entry ->> 'k' end as key,
    coalesce(b.attempts, case when t.state = 'running' then t.attempts end, w.attempts, t.attempts, (l.entry ->> 'a')::int, 0) as attempts,
    coalesce(t.context, ${entryJson('b.entry')} ->> 'c', ${entryJson('w.entry')} ->> 'c', l.entry ->> 'c') as context,
    coalesce(case when octet_length(t.input) > $4::int then 'null' else t.input end, (${entryJson('b.entry')} -> 'i')::text, (${entryJson('w.entry')} -> 'i')::text, (l.entry -> 'i')::text) as input,
    case when octet_length(t.result) <= $4::int then t.result end as result, octet_length(t.result) as result_bytes,
    coalesce(b.failure, w.failure, t.failure, (${entryJson('w.entry')} -> 'f')::text, (l.entry -> 'f')::text) as failure, t.progress, t.reply, t.reason,
    ${schema}.epoch_ms(coalesce(b.enqueued_at, w.enqueued_at, t.enqueued_at, l.at)) as enqueued_at,
    ${schema}.epoch_ms(coalesce(b.started_at, w.started_at, t.started_at)) as started_at,
    ${schema}.epoch_ms(coalesce(b.broken_at, t.ended_at)) as ended_at,
    coalesce(${schema}.epoch_ms(case when t.state is distinct from 'running' then w.due_at end), (l.entry ->> 'w')::float8) as due_at,
    (
      select x.id from ${schema}.broken_item x
      where x.blocks and x.queue = w.queue and x.scope = w.scope and x.key = w.key and w.state = 'held'
      order by x.generation, x.position
      limit 1
    ) as held_by,
    coalesce(t.expires_at < ${schema}.clock(), false) as expired
  from (select $1::uuid as id) as i
  left join ${schema}.broken_item b on b.id = i.id
  left join ${schema}.waiting_item w on w.id = i.id
  left join ${schema}.tracked_item t on t.id = i.id
  left join lateral (
    select ${entryJson('log.data')} -> $3::int as entry, log.at, p.done @> (log.seq * 4096 + $3::int) and not exists (
        -- The watermark has passed a row that came late; its items are on their way to the lane.
        select from ${schema}.hole h where h.queue = log.queue and h.partition = log.partition and h.seq = log.seq
      ) as done
    from ${schema}.log
    left join ${schema}.partition p on p.queue = log.queue and p.partition = log.partition
    where log.flush = $2 and b.id is null and w.id is null and t.id is null
  ) as l on l.entry::text is distinct from 'null'`,
)

/**
 * Looks one item up. Undefined: never accepted, not yet committed, or gone.
 * @param maxBytes a longer input or result of a tracked item stays where it is
 */
export async function lookUpItem(
  runner: Runner,
  schema: string,
  id: string,
  flush: string,
  index: number,
  maxBytes: number,
): Promise<ItemRow | undefined> {
  const [row] = await runner.run(lookup(schema), [id, flush, index, Math.min(maxBytes, 2 ** 31 - 1)])
  return row && row['place'] !== null ? toItemRow(row) : undefined
}

const resultPiece = statement(
  'read-result-piece',
  (schema) => `
  select p.piece, char_length(p.piece) = $3::int as is_more
  from (
    select substr(t.result, $2::int, $3::int) as piece
    from ${schema}.tracked_item t
    where t.id = $1 and t.result is not null
  ) as p`,
)

/**
 * A part of a result.
 * @param from the first is 1; counted in characters, as the length is
 * @returns undefined where there is no result (any more)
 */
export async function readResultPiece(
  runner: Runner,
  schema: string,
  id: string,
  from: number,
  length: number,
): Promise<{ readonly text: string; readonly isMore: boolean } | undefined> {
  const [row] = await runner.run(resultPiece(schema), [id, from, length])
  return row && { text: row['piece'] as string, isMore: row['is_more'] as boolean }
}

const endedAmong = statement(
  'ended-among',
  (schema) => `
  select t.id from ${schema}.tracked_item t where t.id = any ($1::uuid[]) and t.ended_at is not null
  union all
  select b.id from ${schema}.broken_item b where b.id = any ($1::uuid[])`,
)

/** Which of the items have ended. */
export async function readEnded(runner: Runner, schema: string, ids: readonly string[]): Promise<string[]> {
  const rows = await runner.run(endedAmong(schema), [ids])
  return rows.map((row) => row['id'] as string)
}

const expire = statement(
  'expire-items',
  (schema) => `
  with gone as (
    delete from ${schema}.tracked_item
    where ctid = any (array(
      select ctid from ${schema}.tracked_item
      where expires_at < (select ${schema}.clock()) and state <> 'broken'
      limit $1
      for update skip locked
    ))
    returning id
  ), logs as (
    delete from ${schema}.item_log where id in (select id from gone)
  )
  select count(*)::int as rows from gone`,
)

/** Deletes items whose retention is over, at most `limit`. @returns how many went */
export async function expireItems(runner: Runner, schema: string, limit: number): Promise<number> {
  const [row] = await runner.run(expire(schema), [limit])
  return row?.['rows'] as number
}

const limit = statement(
  'limit-retention',
  (schema) => `
  update ${schema}.tracked_item
  set expires_at = ${schema}.clock() + $2 * interval '1 ms'
  where id = $1 and ended_at is not null and expires_at > ${schema}.clock() + $2 * interval '1 ms'`,
)

/** Who asked for it waits for the end of its answer. */
const limitTimeoutMs = 2_000

/** Keeps an ended item no longer than so many milliseconds from now; what is over earlier stays so. */
export async function limitRetention(
  runner: Runner,
  schema: string,
  id: string,
  keptMs: number,
): Promise<void> {
  await runner.run(limit(schema), [id, keptMs], { timeoutMs: limitTimeoutMs })
}

function toItemRow(row: Row): ItemRow {
  return {
    place: row['place'] as ItemRow['place'],
    state: row['state'] as string,
    definition: row['definition'] as string,
    key: row['key'] as string | null,
    attempts: row['attempts'] as number,
    context: row['context'] as string | null,
    input: row['input'] as string | null,
    result: row['result'] as string | null,
    resultBytes: row['result_bytes'] as number | null,
    failure: row['failure'] as string | null,
    progress: row['progress'] as string | null,
    reply: row['reply'] as string | null,
    reason: row['reason'] as string | null,
    enqueuedAt: row['enqueued_at'] as number,
    startedAt: row['started_at'] as number | null,
    endedAt: row['ended_at'] as number | null,
    dueAt: row['due_at'] as number | null,
    heldBy: row['held_by'] as string | null,
    expired: row['expired'] as boolean,
  }
}
