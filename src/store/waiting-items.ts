import type { Row, Runner } from './driver.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'

export type WaitingState = 'ready' | 'scheduled' | 'held' | 'deferred'

/** A row of the waiting lane. */
export interface WaitingRow extends PartitionName {
  readonly id: string
  /** Its place in the order of its key; undefined for a delayed item that has not been in the log yet. */
  readonly position: number | undefined
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
}

const columns = `
  w.id, w.queue, w.partition, w.position, w.definition, w.scope, w.key, w.state, w.moves, w.attempts, w.version, w.entry`

// By partition, oldest due first, so that one crowded partition does not take all places. The clock is asked once, in a
// subselect: compared with row by row it would not bound the index, and all that is delayed would be read each time.
const due = statement(
  'due-items',
  (schema) => `
  select ${columns}, ${schema}.epoch_ms(w.enqueued_at) as enqueued_at
  from json_to_recordset($1) as p(queue int, partition int)
  cross join lateral (
    select *
    from ${schema}.waiting_item
    where waiting_item.queue = p.queue and waiting_item.partition = p.partition
      and waiting_item.due_at <= (select ${schema}.clock()) and waiting_item.state = 'scheduled'
      and not waiting_item.id = any ($3::uuid[])
      and (waiting_item.moves or waiting_item.definition = any ($4::text[]))
    order by waiting_item.due_at
    limit $2
  ) as w`,
)

/** Due rows of the partitions, leaving out those in `running` (in memory already) and those that none of `definitions` could run. */
export async function readDue(
  runner: Runner,
  schema: string,
  partitions: readonly PartitionName[],
  limit: number,
  running: readonly string[],
  definitions: readonly string[],
): Promise<WaitingRow[]> {
  const rows = await runner.run(due(schema), [JSON.stringify(partitions), limit, running, definitions])
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

/** A key with rows in the lane, and the place of the first of them. */
export interface WaitingKey extends PartitionName {
  readonly scope: string
  readonly key: string
  readonly position: number
}

const keysAmong = statement(
  'waiting-keys',
  (schema) => `
  select k.scope, k.key, w.position
  from unnest($3::text[], $4::text[]) as k(scope, key)
  cross join lateral (
    select position
    from ${schema}.waiting_item
    where queue = $1 and partition = $2 and waiting_item.scope = k.scope and waiting_item.key = k.key and position is not null
    order by generation, position
    limit 1
  ) as w`,
)

/** Which of the keys have rows in the lane of the partition. */
export async function readWaitingKeys(
  runner: Runner,
  schema: string,
  name: PartitionName,
  scopes: readonly string[],
  keys: readonly string[],
): Promise<WaitingKey[]> {
  const rows = await runner.run(keysAmong(schema), [name.queue, name.partition, scopes, keys])
  return rows.map((row) => ({
    ...name,
    scope: row['scope'] as string,
    key: row['key'] as string,
    position: Number(row['position']),
  }))
}

const ofKey = statement(
  'waiting-of-key',
  (schema) => `
  select ${columns}, ${schema}.epoch_ms(w.enqueued_at) as enqueued_at
  from ${schema}.waiting_item w
  where w.queue = $1 and w.partition = $2 and w.scope = $3 and w.key = $4 and w.position is not null
    and ($5 or w.state in ('held', 'ready')) and not w.id = any ($6::uuid[])
  order by w.generation, w.position
  limit $7`,
)

/** The first rows of a key, in order, leaving out those in `known` (in memory already), and where order is not strict those that wait. */
export async function readOfKey(
  runner: Runner,
  schema: string,
  name: PartitionName,
  line: { readonly scope: string; readonly key: string; readonly strict: boolean },
  known: readonly string[],
  limit: number,
): Promise<WaitingRow[]> {
  const { scope, key, strict } = line
  const rows = await runner.run(ofKey(schema), [name.queue, name.partition, scope, key, strict, known, limit])
  return rows.map(toWaitingRow)
}

// Heads that are held or ready have nobody before them in the lane: after a takeover it is for the new owner to start them.
const startable = statement(
  'startable-items',
  (schema) => `
  select ${columns}, ${schema}.epoch_ms(w.enqueued_at) as enqueued_at
  from (
    select distinct on (scope, key, case when key is null then id end) *
    from ${schema}.waiting_item
    where queue = $1 and partition = $2 and position is not null
    order by scope, key, case when key is null then id end, generation, position
  ) as w
  where w.state in ('held', 'ready') and w.definition = any ($3::text[]) and w.position > $4
  order by w.position
  limit $5`,
)

/** Rows that wait for nothing but their owner, by position, behind `after`: read once after a takeover. */
export async function readStartable(
  runner: Runner,
  schema: string,
  name: PartitionName,
  definitions: readonly string[],
  after: number,
  limit: number,
): Promise<WaitingRow[]> {
  const rows = await runner.run(startable(schema), [name.queue, name.partition, definitions, after, limit])
  return rows.map(toWaitingRow)
}

const counts = statement(
  'waiting-counts',
  (schema) => `
  select
    exists (select from ${schema}.waiting_item w where w.queue = $1 and w.partition = $2 and w.key is not null and w.position is not null) as keyed,
    exists (select from ${schema}.waiting_item w where w.queue = $1 and w.partition = $2 and w.state in ('held', 'ready')) as startable`,
)

/** What the lane of a partition holds, for a new owner. */
export async function readLaneContent(
  runner: Runner,
  schema: string,
  name: PartitionName,
): Promise<{ keyed: boolean; startable: boolean }> {
  const [row] = await runner.run(counts(schema), [name.queue, name.partition])
  return { keyed: row?.['keyed'] === true, startable: row?.['startable'] === true }
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

const holesOf = statement(
  'holes',
  (schema) => `
  select seq, xid::text as mark from ${schema}.hole where queue = $1 and partition = $2`,
)

export async function readHoles(
  runner: Runner,
  schema: string,
  name: PartitionName,
): Promise<{ seq: number; mark: string }[]> {
  const rows = await runner.run(holesOf(schema), [name.queue, name.partition])
  return rows.map((row) => ({ seq: Number(row['seq']), mark: row['mark'] as string }))
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
): Promise<void> {
  if ('run' in runner) await runner.run(put(schema), [items])
  else await runner.query(put(schema).text, [items])
}

function toWaitingRow(row: Row): WaitingRow {
  return {
    id: row['id'] as string,
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    position: row['position'] === null ? undefined : Number(row['position']),
    definition: row['definition'] as string,
    scope: row['scope'] as string,
    key: (row['key'] as string | null) ?? undefined,
    state: row['state'] as WaitingState,
    moves: row['moves'] as boolean,
    attempts: row['attempts'] as number,
    version: Number(row['version']),
    entry: row['entry'] as string,
    enqueuedAt: row['enqueued_at'] as number,
  }
}
