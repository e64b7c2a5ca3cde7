import type { Node, QueueProcessor, Tx } from '../../src/index.ts'
import { planEvents, type RecordEvent } from './records.ts'
import { lockRuns, type Run } from './run.ts'

export interface PublishOptions {
  /** How many records; undefined for all. */
  readonly limit: number | undefined
  /** Begin another run where there is one. */
  readonly fresh: boolean
}

/**
 * The event creator. The first process makes the run and publishes its events, all in one transaction; a process that comes
 * later, or again, finds the run and takes part in it.
 */
export async function publish(
  node: Node,
  target: QueueProcessor<RecordEvent, unknown>,
  { limit, fresh }: PublishOptions,
): Promise<{ run: Run; isNew: boolean }> {
  return node.transaction(async (tx) => {
    await lockRuns(tx)
    const last = await readLastRun(tx)
    if (last && !fresh) return { run: last, isNew: false }
    const { records, changes } = planEvents(limit)
    const run = { number: (last?.number ?? 0) + 1, records: records.length, changes: changes.length }
    for (const events of [records, changes]) {
      const ids = await node.enqueueMany(target, events, { tx })
      await noteEvents(tx, run.number, ids, events)
    }
    await tx.query(
      'insert into sync_run (number, records, changes, published_at) values ($1, $2, $3, clock_timestamp())',
      [run.number, run.records, run.changes],
    )
    return { run, isNew: true }
  })
}

async function readLastRun(tx: Tx): Promise<Run | undefined> {
  const { rows } = await tx.query(
    'select number, records, changes from sync_run order by number desc limit 1',
  )
  return rows[0] as Run | undefined
}

async function noteEvents(
  tx: Tx,
  run: number,
  ids: readonly string[],
  events: readonly RecordEvent[],
): Promise<void> {
  const rows = events.map(({ code, release }, index) => ({ item_id: ids[index], code, release }))
  await tx.query(
    `insert into sync_event (item_id, run, code, release)
    select item_id, $1, code, release from json_to_recordset($2::json) as event(item_id uuid, code text, release text)`,
    [run, JSON.stringify(rows)],
  )
}
