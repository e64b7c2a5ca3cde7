import { isBlocked, isBlockedKey } from './blocked-keys.ts'
import { acceptDeadlines, type Row, type Runner } from './driver.ts'
import { isHead } from './lane-heads.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'

export type WaitingState = 'ready' | 'scheduled' | 'held' | 'deferred'

/** A row of the waiting lane. */
export interface WaitingRow extends PartitionName {
  readonly id: string
  /** Its place in the order of its key, after the generation; undefined for a delayed item that has not been in the log yet. */
  readonly position: number | undefined
  readonly generation: number | undefined
  readonly definition: string
  readonly scope: string
  readonly key: string | undefined
  readonly state: WaitingState
  readonly moves: boolean
  readonly attempts: number
  readonly version: number
  readonly entry: string
  /** Milliseconds by the database's clock. */
  readonly enqueuedAt: number
  /** When it may start, by the same clock; undefined where it does not wait for a time. */
  readonly dueAt: number | undefined
  /** It can still be replaced by whoever accepts under its debounce key. */
  readonly isDebounced: boolean
}

const columnsOf = (schema: string): string => `
  w.id, w.queue, w.partition, w.generation, w.position, w.definition, w.scope, w.key, w.state, w.moves, w.attempts, w.version, w.entry,
  ${schema}.epoch_ms(w.enqueued_at) as enqueued_at, ${schema}.epoch_ms(w.due_at) as due_at`

// By partition, oldest due first, so that one crowded partition does not take all places. The clock is asked once, in a
// subselect: compared with row by row it would not bound the index, and all that is delayed would be read each time. Of large
// ones those come that have least before them in their partition, up to the budget.
const dueOf = (schema: string, found: string): string => `
  select ${columnsOf(schema)},
    exists (select from ${schema}.debounce d where d.id = w.id) as is_debounced
  from (
    select sized.*,
      sum(octet_length(sized.entry)) over (order by sized.bytes_before, sized.due_at, sized.id) - octet_length(sized.entry) as bytes_before_all
    from json_to_recordset($1) as p(queue int, partition int)
    cross join lateral (
      select found.*, sum(octet_length(found.entry)) over (order by found.due_at, found.id) - octet_length(found.entry) as bytes_before
      from (${found}
      ) as found
    ) as sized
  ) as w
  where w.bytes_before_all < $4
  order by w.due_at`

const dueWhere = (schema: string, wanted: string): string => `
        select *
        from ${schema}.waiting_item
        where waiting_item.queue = p.queue and waiting_item.partition = p.partition
          and waiting_item.due_at <= (select ${schema}.clock()) and waiting_item.state in ('scheduled', 'deferred')
          and not waiting_item.id = any ($3::uuid[]) and ${wanted}
        order by waiting_item.due_at
        limit $2`

// Its condition is that of an index of its own: of a paused queue all retries may be due, and none of them is looked at.
const dueMoves = statement('due-moves', (schema) => dueOf(schema, dueWhere(schema, 'waiting_item.moves')))

// Each definition by an index of its own too: of one that was removed any number may be due, and nobody would ever take them.
const due = statement('due-items', (schema) =>
  dueOf(
    schema,
    `
        select *
        from (
          (${dueWhere(schema, 'waiting_item.moves')})
          union all
          select of_one.*
          from unnest($5::text[]) as d(id)
          cross join lateral (${dueWhere(
            schema,
            `not waiting_item.moves and waiting_item.definition collate "C" = d.id and not ${isBlocked(schema, 'waiting_item')}`,
          )}
          ) as of_one
        ) as either
        order by due_at
        limit $2`,
  ),
)

/**
 * Due rows, oldest first, leaving out those in `running` (in memory already) and those that none of `definitions` could run.
 * @param limits.items of each partition
 * @param limits.bytes of all; the last row may go beyond it
 * @param definitions undefined: nothing runs, and only what goes into the log is read
 */
export async function readDue(
  runner: Runner,
  schema: string,
  partitions: readonly PartitionName[],
  { items, bytes }: { readonly items: number; readonly bytes: number },
  running: readonly string[],
  definitions?: readonly string[],
): Promise<WaitingRow[]> {
  const values = [JSON.stringify(partitions), items, running, bytes]
  const rows = definitions
    ? await runner.run(due(schema), [...values, definitions])
    : await runner.run(dueMoves(schema), values)
  return rows.map(toWaitingRow)
}

const nextDue = statement(
  'next-due',
  (schema) => `
  select ${schema}.epoch_ms(min(next.due_at)) - ${schema}.epoch_ms(${schema}.clock()) as wait_ms
  from json_to_recordset($1) as p(queue int, partition int)
  cross join lateral (
    select due_at
    from ${schema}.waiting_item w
    where w.queue = p.queue and w.partition = p.partition and w.due_at > (select ${schema}.clock())
    order by w.due_at
    limit 1
  ) as next`,
)

/** Milliseconds until the next row is due, or undefined where none waits. */
export async function readNextDue(
  runner: Runner,
  schema: string,
  partitions: readonly PartitionName[],
): Promise<number | undefined> {
  const [row] = await runner.run(nextDue(schema), [JSON.stringify(partitions)])
  return (row?.['wait_ms'] as number | null) ?? undefined
}

/** A key that has rows in the lane, or is blocked; the place of the first row: below 0 where it comes from an older generation. */
export interface WaitingKey extends PartitionName {
  readonly scope: string
  readonly key: string
  /** The place of its first row in the lane; undefined where it has none. */
  readonly position: number | undefined
  readonly isBlocked: boolean
}

const keysAmong = statement(
  'waiting-keys',
  (schema) => `
  select *
  from (
    select k.scope, k.key, case when w.generation < $5 then -1 else w.position end as position, ${isBlockedKey(schema, '$1', 'k.scope', 'k.key')} as is_blocked
    from unnest($3::text[], $4::text[]) as k(scope, key)
    left join lateral (
      select generation, position
      from ${schema}.waiting_item
      where queue = $1 and partition = $2 and waiting_item.scope = k.scope and waiting_item.key = k.key and position is not null
      order by generation, position
      limit 1
    ) as w on true
  ) as found
  where position is not null or is_blocked`,
)

/** Which of the keys have rows in the lane of the partition, or are blocked. */
export async function readWaitingKeys(
  runner: Runner,
  schema: string,
  name: PartitionName & { readonly generation: number },
  scopes: readonly string[],
  keys: readonly string[],
): Promise<WaitingKey[]> {
  const values = [name.queue, name.partition, scopes, keys, name.generation]
  const rows = await runner.run(keysAmong(schema), values)
  return rows.map((row) => ({
    ...name,
    scope: row['scope'] as string,
    key: row['key'] as string,
    position: row['position'] === null ? undefined : Number(row['position']),
    isBlocked: row['is_blocked'] === true,
  }))
}

const waitsAt = statement(
  'has-waiting',
  (schema) => `
  select exists (
    select
    from ${schema}.partition p
    cross join lateral (
      select
      from ${schema}.waiting_item w
      where w.queue = p.queue and w.partition = p.partition and w.scope = $2 and w.key = $3 and w.position is not null
      order by w.generation, w.position
      limit 1
    ) as first
    where p.queue = any ($1::int[])
  ) or exists (
    select from unnest($1::int[]) as q(number) where ${isBlockedKey(schema, 'q.number', '$2', '$3')}
  ) as found`,
)

/** Who asks waits for its own answer. */
const waitsTimeoutMs = 2_000

/** Whether any item of a key waits in the lanes of these queues, of whatever generation, or blocks it. */
export async function hasWaiting(
  runner: Runner,
  schema: string,
  queues: readonly number[],
  scope: string,
  key: string,
): Promise<boolean> {
  const [row] = await runner.run(waitsAt(schema), [queues, scope, key], { timeoutMs: waitsTimeoutMs })
  return row?.['found'] === true
}

const ofKey = statement(
  'waiting-of-key',
  (schema) => `
  select b.is_blocked, ${columnsOf(schema)}
  from (select ${isBlockedKey(schema, '$1', '$3', '$4')} as is_blocked) as b
  left join lateral (
    select *
    from ${schema}.waiting_item
    where queue = $1 and partition = $2 and scope = $3 and key = $4 and position is not null and not b.is_blocked
      and ($5 or state in ('held', 'ready')) and not id = any ($6::uuid[])
    order by generation, position
    limit $7
  ) as w on true
  order by w.generation, w.position`,
)

/** What the lane says of a key. */
export interface KeyRows {
  /** A broken item of it waits for a person: nothing may start. Then there are no rows. */
  readonly isBlocked: boolean
  readonly rows: readonly WaitingRow[]
}

/** The first rows of a key, in order, leaving out those in `known` (in memory already), and where order is not strict those that wait. */
export async function readOfKey(
  runner: Runner,
  schema: string,
  name: PartitionName,
  line: { readonly scope: string; readonly key: string; readonly strict: boolean },
  known: readonly string[],
  limit: number,
): Promise<KeyRows> {
  const { scope, key, strict } = line
  const rows = await runner.run(ofKey(schema), [name.queue, name.partition, scope, key, strict, known, limit])
  return {
    isBlocked: rows[0]?.['is_blocked'] === true,
    rows: rows.filter((row) => row['id'] !== null).map(toWaitingRow),
  }
}

/** Rows that one page looks at, at most: a hot key may have a hundred thousand that are not its first. */
const walkedAtOnce = 1_000

// Heads that are held or ready have nobody before them in the lane: after a takeover it is for the new owner to start them.
// Walked by position along an index of its own, so many rows at a time: a page costs what it looks at, and not what the lane
// holds.
const startable = statement(
  'startable-items',
  (schema) => `
  with page as materialized (
    select w.id, w.generation, w.position, w.definition = any ($3::text[]) and ${isHead(schema, 'w', '$6::text[]')} as is_head
    from ${schema}.waiting_item w
    where w.queue = $1 and w.partition = $2 and w.position is not null and (w.generation, w.position) > ($7, $4)
      and w.state in ('held', 'ready')
    order by w.generation, w.position
    limit ${walkedAtOnce}
  )
  select walked.*, last.generation as last_generation, last.position as last_position, w.*
  from (select count(*)::int as walked from page) as walked
  left join (select generation, position from page order by generation desc, position desc limit 1) as last on true
  left join lateral (
    select ${columnsOf(schema)}
    from page
    join ${schema}.waiting_item w on w.id = page.id
    where page.is_head and not ${isBlocked(schema, 'w')}
    order by w.generation, w.position
    limit $5
  ) as w on true
  order by w.generation, w.position`,
)

/** A place in the order of items, over the generations. */
export interface Ord {
  readonly generation: number
  readonly position: number
}

/** Some of the rows that wait for nothing but their owner, in order. */
export interface StartableRows {
  readonly rows: readonly WaitingRow[]
  /** More of them may stand behind this place; undefined where there are none. */
  readonly after: Ord | undefined
}

/** The next rows that wait for nothing but their owner, behind `after`: read once after a takeover. */
export async function readStartable(
  runner: Runner,
  schema: string,
  name: PartitionName,
  definitions: readonly { readonly id: string; readonly order: 'strict' | 'relaxed' }[],
  after: Ord,
  limit: number,
): Promise<StartableRows> {
  const found = await runner.run(startable(schema), [
    name.queue,
    name.partition,
    definitions.map(({ id }) => id),
    after.position,
    limit,
    definitions.filter(({ order }) => order === 'relaxed').map(({ id }) => id),
    after.generation,
  ])
  const rows = found.filter((row) => row['id'] !== null).map(toWaitingRow)
  const [first] = found
  if (rows.length < limit && Number(first?.['walked']) < walkedAtOnce) return { rows, after: undefined }
  const last = found.at(-1)
  const [generation, position] =
    rows.length < limit
      ? [last?.['last_generation'], last?.['last_position']]
      : [last?.['generation'], last?.['position']]
  return { rows, after: { generation: Number(generation), position: Number(position) } }
}

const versions = statement(
  'lane-versions',
  (schema) => `
  select id, version from ${schema}.waiting_item where id = any ($1::uuid[])`,
)

/** The versions of rows that are still in the lane, by id. */
export async function readLaneVersions(
  runner: Runner,
  schema: string,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const rows = await runner.run(versions(schema), [ids])
  return new Map(rows.map((row) => [row['id'] as string, Number(row['version'])]))
}

const put = statement(
  'put-waiting',
  (schema) => `
  select ${schema}.put_waiting($1::text::json)::text as done`,
)

/** Puts delayed items into the lane, durable when it returns, or with the commit of the transaction that `runner` is. */
export async function putWaiting(
  runner: { run: Runner['run'] } | { query: Runner['query'] },
  schema: string,
  items: string,
  timeoutMs?: number,
): Promise<void> {
  if ('run' in runner)
    await runner.run(put(schema), [items], timeoutMs === undefined ? {} : acceptDeadlines(timeoutMs))
  else await runner.query(put(schema).text, [items])
}

function toWaitingRow(row: Row): WaitingRow {
  return {
    id: row['id'] as string,
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    position: row['position'] === null ? undefined : Number(row['position']),
    generation: (row['generation'] as number | null) ?? undefined,
    definition: row['definition'] as string,
    scope: row['scope'] as string,
    key: (row['key'] as string | null) ?? undefined,
    state: row['state'] as WaitingState,
    moves: row['moves'] as boolean,
    attempts: row['attempts'] as number,
    version: Number(row['version']),
    entry: row['entry'] as string,
    enqueuedAt: row['enqueued_at'] as number,
    dueAt: (row['due_at'] as number | null) ?? undefined,
    isDebounced: row['is_debounced'] === true,
  }
}
