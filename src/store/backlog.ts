import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** How many items wait on a queue, as last counted, and how many may. */
export interface BacklogRow {
  readonly queue: number
  readonly waiting: number
  readonly maxWaiting: number
}

const count = statement(
  'count-backlog',
  (schema) => `
  select queue, waiting, max_waiting from ${schema}.count_backlog($1::int[])`,
)

/** Has the backlog of queues counted where that is a second ago. */
export async function countBacklog(
  runner: Runner,
  schema: string,
  queues: readonly number[],
): Promise<BacklogRow[]> {
  const rows = await runner.run(count(schema), [queues])
  return rows.map((row) => ({
    queue: row['queue'] as number,
    waiting: Number(row['waiting']),
    maxWaiting: Number(row['max_waiting']),
  }))
}

const limit = statement(
  'limit-queues',
  (schema) => `
  update ${schema}.queue q
  set max_waiting = w.max_waiting
  from json_to_recordset($1) as w(name text, max_waiting bigint)
  where q.name = w.name and q.max_waiting <> w.max_waiting`,
)

/** Sets how many items may wait on queues. */
export async function limitQueues(
  runner: Runner,
  schema: string,
  limits: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = [...limits].map(([name, maxWaiting]) => ({ name, max_waiting: maxWaiting }))
  await runner.run(limit(schema), [JSON.stringify(rows)])
}
