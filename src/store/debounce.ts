import { acceptDeadlines, type Runner } from './driver.ts'
import { statement } from './statement.ts'

/** A row for the lane as `put_waiting` takes it, with its debounce key. */
export interface DebounceRequest {
  readonly id: string
  readonly key: string | null
  readonly entry: string
  readonly debounce_scope: string
  readonly debounce_key: string
  readonly wait_ms: number
  readonly max_wait_ms?: number
  readonly row: unknown
}

/** The id of the item that waits now, and whether it was there; `clash`: it has another partition key, and was left alone. */
export type DebounceFate = readonly [id: string, outcome: 'new' | 'replaced' | 'clash']

const accept = statement(
  'accept-debounced',
  (schema) => `
  select ${schema}.accept_debounced($1::text::json)::text as fates`,
)

/** Accepts items with debounce keys, or replaces those that wait under them. One fate per item, in order. */
export async function acceptDebounced(
  runner: Runner,
  schema: string,
  items: readonly DebounceRequest[],
  timeoutMs: number,
): Promise<DebounceFate[]> {
  const [row] = await runner.run(accept(schema), [JSON.stringify(items)], acceptDeadlines(timeoutMs))
  return JSON.parse(row?.['fates'] as string) as DebounceFate[]
}

// Those that somebody replaces at this moment are left alone: they become due later. Both rows are locked, so that the due time
// is looked at again where it has changed meanwhile.
const close = statement(
  'close-debounces',
  (schema) => `
  delete from ${schema}.debounce
  where (scope, key) in (
    select d.scope, d.key
    from ${schema}.debounce d
    join ${schema}.waiting_item w on w.id = d.id
    where d.id = any ($1::uuid[]) and w.due_at <= ${schema}.clock()
    for update skip locked
  )`,
)

/** From now on the items are not replaced any more: their owner is about to move them into the log. */
export async function closeDebounces(runner: Runner, schema: string, ids: readonly string[]): Promise<void> {
  await runner.run(close(schema), [ids])
}

const forget = statement(
  'forget-debounces',
  (schema) => `
  delete from ${schema}.debounce
  where ctid = any (array(
    select d.ctid
    from ${schema}.debounce d
    where d.due_at < (select ${schema}.clock()) - interval '1 minute'
      and not exists (select from ${schema}.waiting_item w where w.id = d.id)
    order by d.due_at
    limit $1
    for update skip locked
  ))
  returning 1`,
)

/** Deletes debounce keys whose item was taken away before it was due, at most `limit`. @returns how many went */
export async function forgetDebounces(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(forget(schema), [limit])).length
}
