import type { Node, Tx } from '../../src/index.ts'
import type { Registration } from './partner-server.ts'
import type { RecordEvent } from './records.ts'

/** One synchronisation: what was published, by whichever process was first. */
export interface Run {
  readonly number: number
  readonly records: number
  readonly changes: number
}

/** How far a run is. */
export interface Progress {
  readonly accepted: number
  readonly succeeded: number
  /** Succeeded in a later attempt than the first. */
  readonly retried: number
  readonly broken: number
  /** Succeeded in this process. */
  readonly own: number
  /** From the publication to the last answer. */
  readonly wallMs: number
}

const tables = `
create table if not exists sync_run (
  number int primary key,
  records int not null,
  changes int not null,
  published_at timestamptz not null
);
create table if not exists sync_event (
  item_id uuid primary key,
  run int not null,
  code text not null,
  release text not null,
  attempts int,
  worker text,
  answered_at timestamptz,
  broken boolean not null default false
);
create table if not exists subdivision (
  code text primary key,
  name text not null,
  parent text not null,
  reference text not null
)`

/** Several processes may start at once: they make the tables, and runs, one after the other. */
export async function lockRuns(tx: Tx): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(31662)')
}

export async function createTables(node: Node): Promise<void> {
  await node.transaction(async (tx) => {
    await lockRuns(tx)
    for (const statement of tables.split(';')) await tx.query(statement)
  })
}

export interface Answer {
  readonly event: RecordEvent
  /** What the partner has now; undefined where the record is gone. */
  readonly registration: Registration | undefined
  readonly itemId: string
  readonly attempt: number
  readonly worker: string
}

/** Writes down what the partner answered. */
export async function storeAnswer(
  tx: Tx,
  { event, registration, itemId, attempt, worker }: Answer,
): Promise<void> {
  // one statement: it runs a hundred times a second, on the embedded database too
  const noted = `with noted as (
      update sync_event set attempts = $2, worker = $3, answered_at = clock_timestamp() where item_id = $1
    )`
  if (!registration) {
    await tx.query(`${noted} delete from subdivision where code = $4`, [itemId, attempt, worker, event.code])
    return
  }
  const { code, name, parent, reference } = registration
  await tx.query(
    `${noted} insert into subdivision (code, name, parent, reference) values ($4, $5, $6, $7)
    on conflict (code) do update set name = excluded.name, parent = excluded.parent, reference = excluded.reference`,
    [itemId, attempt, worker, code, name, parent, reference],
  )
}

export async function readProgress(node: Node, run: Run, worker: string): Promise<Progress> {
  const { rows } = await node.query(
    `select count(*)::int as accepted, count(answered_at)::int as succeeded,
      count(*) filter (where attempts > 1)::int as retried,
      count(*) filter (where broken)::int as broken,
      count(*) filter (where worker = $2)::int as own,
      coalesce(extract(epoch from max(answered_at) - (select published_at from sync_run where number = $1)), 0)::float8 * 1000 as "wallMs"
    from sync_event where run = $1`,
    [run.number, worker],
  )
  return rows[0] as Progress
}

/** Items that broke write no answer: of those without one, some are looked up. */
export async function findBroken(node: Node, run: Run): Promise<void> {
  const { rows } = await node.query(
    'select item_id from sync_event where run = $1 and answered_at is null and not broken order by item_id limit 50',
    [run.number],
  )
  for (const { item_id: id } of rows as { item_id: string }[]) {
    const item = await node.item(id)
    if (item?.state === 'broken')
      await node.query('update sync_event set broken = true where item_id = $1', [id])
  }
}

/** The records that the partner has, of those that the run was about, as we wrote them down. */
export async function readMirror(
  node: Node,
  run: Run,
): Promise<Map<string, { name: string; parent: string }>> {
  const { rows } = await node.query(
    'select code, name, parent from subdivision where code in (select code from sync_event where run = $1)',
    [run.number],
  )
  return new Map((rows as { code: string; name: string; parent: string }[]).map((row) => [row.code, row]))
}

/** The codes of a run. */
export async function readCodes(node: Node, run: Run): Promise<string[]> {
  const { rows } = await node.query('select distinct code from sync_event where run = $1', [run.number])
  return (rows as { code: string }[]).map(({ code }) => code)
}
