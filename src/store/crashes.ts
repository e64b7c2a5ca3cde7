import type { Runner, Transaction } from './driver.ts'
import type { PartitionName } from './partitions.ts'
import { statement } from './statement.ts'

/** An item that runs, or is about to, as its node has written it down before it started. */
export interface MarkedItem {
  readonly id: string
  readonly q: number
  readonly p: number
  /** Its place in the log; for one from the lane its place in the order of its key. */
  readonly position: number
  /** Of the lane's row that it runs from; absent where it runs from the log. */
  readonly version?: number
  /** The number of the attempt. */
  readonly a: number
  /**
   * Of what is to run alone, one after the other: its place in that line. None of it starts before all with a lower one have
   * ended and are settled.
   */
  readonly turn?: number
}

type Fenced = PartitionName & { readonly epoch: number }

const extend = statement(
  'extend-read-to',
  (schema) => `
  update ${schema}.partition p
  set read_to = greatest(p.read_to, free.read_to)
  from (
    select p.queue, p.partition, w.read_to
    from ${schema}.partition p
    join json_to_recordset($2) as w(queue int, partition int, epoch bigint, read_to bigint) using (queue, partition)
    where p.owner = $1 and p.epoch = w.epoch
    -- In the order in which a settle takes them, or the two would wait for each other in a circle.
    order by p.queue, p.partition
    for update of p
  ) as free
  where p.queue = free.queue and p.partition = free.partition
  returning p.queue, p.partition`,
)

/** Moves the bounds of what may be started; answers the partitions that are still `bootId`'s. */
export async function extendReadTo(
  runner: Runner,
  schema: string,
  bootId: string,
  wanted: readonly (Fenced & { readonly readTo: number })[],
): Promise<PartitionName[]> {
  const given = wanted.map(({ queue, partition, epoch, readTo }) => ({
    queue,
    partition,
    epoch,
    read_to: readTo,
  }))
  return toNames(await runner.run(extend(schema), [bootId, JSON.stringify(given)]))
}

// Refused where the node's lease is over or a partition is not its own any more: then it must not start them either.
const mark = statement(
  'mark-items',
  (schema) => `
  insert into ${schema}.crash_mark (boot_id, items, at)
  select $1, $2, ${schema}.clock()
  where exists (select from ${schema}.node n where n.boot_id = $1 and n.lease_until > ${schema}.clock())
    and not exists (
      select from json_to_recordset($3) as w(queue int, partition int, epoch bigint)
      where not exists (
        select from ${schema}.partition p
        where p.queue = w.queue and p.partition = w.partition and p.owner = $1 and p.epoch = w.epoch
      )
    )
  on conflict (boot_id) do update
  set items = excluded.items, at = excluded.at
  returning boot_id`,
)

/** Writes down all that the node runs and may start, in place of what it wrote before. @returns false where it was refused */
export async function markItems(
  runner: Runner,
  schema: string,
  bootId: string,
  items: readonly MarkedItem[],
  partitions: readonly Fenced[],
): Promise<boolean> {
  const names = partitions.map(({ queue, partition, epoch }) => ({ queue, partition, epoch }))
  const rows = await runner.run(mark(schema), [bootId, JSON.stringify(items), JSON.stringify(names)])
  return rows.length > 0
}

const ownedAmong = statement(
  'owned-among',
  (schema) => `
  select p.queue, p.partition
  from ${schema}.partition p
  join json_to_recordset($2) as w(queue int, partition int, epoch bigint) using (queue, partition)
  where p.owner = $1 and p.epoch = w.epoch`,
)

/** Those of the partitions that are `bootId`'s. */
export async function readOwnedAmong(
  runner: Runner,
  schema: string,
  bootId: string,
  partitions: readonly Fenced[],
): Promise<PartitionName[]> {
  const names = partitions.map(({ queue, partition, epoch }) => ({ queue, partition, epoch }))
  return toNames(await runner.run(ownedAmong(schema), [bootId, JSON.stringify(names)]))
}

const unmark = statement(
  'unmark-items',
  (schema) => `
  delete from ${schema}.crash_mark where boot_id = $1`,
)

/** The node's marks go: nothing is suspected any more, or it stops as it should. */
export async function unmarkItems(runner: Runner, schema: string, bootId: string): Promise<void> {
  await runner.run(unmark(schema), [bootId])
}

// Whoever deletes the row judges the death: of two nodes that saw it the other finds nothing.
const claim = statement(
  'claim-marks',
  (schema) => `
  delete from ${schema}.crash_mark m
  where m.boot_id = $2
    or (m.boot_id <> $1 and not exists (
      select from ${schema}.node n where n.boot_id = m.boot_id and n.lease_until > ${schema}.clock()
    ))
  returning m.boot_id, m.items`,
)

export interface DeadMarks {
  readonly bootId: string
  readonly items: readonly MarkedItem[]
}

/** Takes the marks of the nodes that are dead; of `bootId` itself only where `own` says that it counts as dead. */
export async function claimMarks(
  transaction: Transaction,
  schema: string,
  bootId: string,
  own: boolean,
): Promise<DeadMarks[]> {
  const rows = await transaction.run(claim(schema), [bootId, own ? bootId : null])
  return rows.map((row) => ({
    bootId: row['boot_id'] as string,
    items: JSON.parse(row['items'] as string) as MarkedItem[],
  }))
}

// A settle that ended one of them has moved `done`, or changed its lane row, in its own transaction.
const unended = statement(
  'unended-among',
  (schema) => `
  select r.id
  from json_to_recordset($1) as r(id uuid, q int, p int, position bigint, version bigint)
  join ${schema}.partition p on p.queue = r.q and p.partition = r.p
  where case
    when r.version is null then not p.done @> r.position
    else exists (select from ${schema}.waiting_item w where w.id = r.id and w.version = r.version)
  end`,
)

/** Which of the marked items had not ended. */
export async function readUnended(
  transaction: Transaction,
  schema: string,
  items: readonly MarkedItem[],
): Promise<Set<string>> {
  const rows = await transaction.run(unended(schema), [JSON.stringify(items)])
  return new Set(rows.map((row) => row['id'] as string))
}

const suspect = statement(
  'suspect-items',
  (schema) => `
  insert into ${schema}.suspect_item as s (id, queue, partition, position, crashes, charged_by, since)
  select r.id, r.q, r.p, r.position, $3::int, case when $3::int > 0 then $1::uuid end, ${schema}.clock()
  from json_to_recordset($2) as r(id uuid, q int, p int, position bigint)
  on conflict (id) do update
  set crashes = s.crashes + excluded.crashes, charged_by = coalesce(excluded.charged_by, s.charged_by)
  returning s.id, s.queue, s.partition, s.crashes`,
)

export interface SuspectRow extends PartitionName {
  readonly id: string
  readonly crashes: number
}

/** Enters what a dead node was running, each charged with so many crashes. */
export async function suspectItems(
  transaction: Transaction,
  schema: string,
  dead: string,
  items: readonly MarkedItem[],
  crashes: number,
): Promise<SuspectRow[]> {
  const rows = await transaction.run(suspect(schema), [dead, JSON.stringify(items), crashes])
  return rows.map(toSuspect)
}

const log = statement(
  'log-crash',
  (schema) => `
  insert into ${schema}.item_log (id, at, attempt, event, message)
  values ($1, ${schema}.clock(), $2, 'crashed-node', $3)`,
)

/** A line in the log of an item that was charged. */
export async function logCrash(
  transaction: Transaction,
  schema: string,
  id: string,
  attempt: number,
  message: string,
): Promise<void> {
  await transaction.run(log(schema), [id, attempt, message])
}

const withdraw = statement(
  'withdraw-charge',
  (schema) => `
  update ${schema}.suspect_item
  set crashes = crashes - 1, charged_by = null
  where charged_by = $1 and crashes > 0
  returning id, queue, partition, crashes`,
)

/** A node that was taken for dead is back, and it was no item that held it: what it was charged with is taken back. */
export async function withdrawCharge(runner: Runner, schema: string, bootId: string): Promise<SuspectRow[]> {
  return (await runner.run(withdraw(schema), [bootId])).map(toSuspect)
}

// What a person has put aside begins anew when it goes on.
const open = (schema: string): string => `(
    exists (select from ${schema}.waiting_item w where w.id = s.id and w.state <> 'deferred')
    or exists (
      select from ${schema}.partition p
      where p.queue = s.queue and p.partition = s.partition and s.position >= 0 and not p.done @> s.position
    )
  )`

// Those that have ended are forgotten on the way.
const suspects = statement(
  'read-suspects',
  (schema) => `
  with gone as (
    delete from ${schema}.suspect_item s
    where s.queue = $1 and s.partition = $2 and not ${open(schema)}
  )
  select s.id, s.queue, s.partition, s.crashes
  from ${schema}.suspect_item s
  where s.queue = $1 and s.partition = $2 and ${open(schema)}`,
)

/** The suspects of a partition that have not ended. For its owner. */
export async function readSuspects(
  runner: Runner,
  schema: string,
  name: PartitionName,
): Promise<SuspectRow[]> {
  return (await runner.run(suspects(schema), [name.queue, name.partition])).map(toSuspect)
}

const forget = statement(
  'forget-suspects',
  (schema) => `
  delete from ${schema}.suspect_item s
  using json_to_recordset($2) as w(id uuid, queue int, partition int, epoch bigint), ${schema}.partition p
  where s.id = w.id and p.queue = w.queue and p.partition = w.partition and p.owner = $1 and p.epoch = w.epoch`,
)

/** These items are suspected no more. Nothing happens to those whose partition is not `bootId`'s any more. */
export async function forgetSuspects(
  runner: Runner,
  schema: string,
  bootId: string,
  items: readonly (Fenced & { readonly id: string })[],
): Promise<void> {
  const given = items.map(({ id, queue, partition, epoch }) => ({ id, queue, partition, epoch }))
  await runner.run(forget(schema), [bootId, JSON.stringify(given)])
}

const clear = statement(
  'clear-partition',
  (schema) => `
  update ${schema}.partition
  set unclean_at = null, suspect_to = 0
  where queue = $1 and partition = $2 and owner = $3 and epoch = $4`,
)

/** Nothing is left of what the dead owner may have been running. */
export async function clearPartition(
  runner: Runner,
  schema: string,
  bootId: string,
  place: Fenced,
): Promise<void> {
  await runner.run(clear(schema), [place.queue, place.partition, bootId, place.epoch])
}

function toNames(rows: readonly Record<string, unknown>[]): PartitionName[] {
  return rows.map((row) => ({ queue: row['queue'] as number, partition: row['partition'] as number }))
}

function toSuspect(row: Record<string, unknown>): SuspectRow {
  return {
    id: row['id'] as string,
    queue: row['queue'] as number,
    partition: row['partition'] as number,
    crashes: row['crashes'] as number,
  }
}
