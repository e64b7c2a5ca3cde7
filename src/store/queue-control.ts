import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

/** `paused`: nothing starts. `stopped`: what runs is told to end, too. Accepting goes on in both. */
export type QueueState = 'running' | 'paused' | 'stopped'

/** What an operator has set for a queue. */
export interface QueueSetting {
  readonly queue: number
  readonly state: QueueState
  /** How many of its items a node runs at once; undefined: as their definitions say. */
  readonly perNode: number | undefined
  /** Raised by each restart. */
  readonly restarts: number
  /** Somebody watches it. */
  readonly isTraced: boolean
}

const setState = statement(
  'set-queue-state',
  (schema) => `
  insert into ${schema}.queue_control as c (queue, state, restarts, since)
  select q.number, $2, $3, ${schema}.clock()
  from ${schema}.queue q
  where q.name = $1
  on conflict (queue) do update
  set state = excluded.state, restarts = c.restarts + excluded.restarts,
    since = case when c.state = excluded.state then c.since else excluded.since end
  returning c.queue`,
)

/**
 * Sets the state of a queue. Nodes learn of it within a second or two.
 * @param isRestart what runs is told to end
 * @returns false where there is no such queue
 */
export async function writeQueueState(
  runner: Runner,
  schema: string,
  name: string,
  state: QueueState,
  isRestart = false,
): Promise<boolean> {
  const rows = await runner.run(setState(schema), [name, state, isRestart ? 1 : 0])
  return rows.length > 0
}

const setConcurrency = statement(
  'set-queue-concurrency',
  (schema) => `
  insert into ${schema}.queue_control as c (queue, per_node, since)
  select q.number, $2, ${schema}.clock()
  from ${schema}.queue q
  where q.name = $1
  on conflict (queue) do update set per_node = excluded.per_node
  returning c.queue`,
)

/** @returns false where there is no such queue */
export async function writeQueueConcurrency(
  runner: Runner,
  schema: string,
  name: string,
  perNode: number | undefined,
): Promise<boolean> {
  const rows = await runner.run(setConcurrency(schema), [name, perNode ?? null])
  return rows.length > 0
}

const select = statement(
  'queue-setting',
  (schema) => `
  select q.number, coalesce(c.state, 'running') as state, c.per_node, coalesce(c.restarts, 0) as restarts,
    exists (select from ${schema}.trace t where t.queue = q.number and t.until > ${schema}.clock()) as is_traced
  from ${schema}.queue q
  left join ${schema}.queue_control c on c.queue = q.number
  where q.name = $1`,
)

/** What is set for a queue; undefined where there is no such queue. */
export async function readQueueSetting(
  runner: Runner,
  schema: string,
  name: string,
): Promise<QueueSetting | undefined> {
  const [row] = await runner.run(select(schema), [name])
  if (!row) return undefined
  return {
    queue: row['number'] as number,
    state: row['state'] as QueueState,
    perNode: (row['per_node'] as number | null) ?? undefined,
    restarts: row['restarts'] as number,
    isTraced: row['is_traced'] as boolean,
  }
}
