import type { Row, Runner } from './driver.ts'
import { statement } from './statement.ts'

/** Whether a key is blocked, as an SQL condition: by the index of those that are, mostly an empty one. */
export function isBlockedKey(schema: string, queue: string, scope: string, key: string): string {
  return `exists (select from ${schema}.broken_item b where b.blocks and b.queue = ${queue} and b.scope = ${scope} and b.key = ${key})`
}

/** Whether the key of a row of the lane is blocked. One without a key never is. */
export function isBlocked(schema: string, row: string): string {
  return isBlockedKey(schema, `${row}.queue`, `${row}.scope`, `${row}.key`)
}

/** A broken item that blocks its key. */
export interface BlockedKeyRow {
  readonly id: string
  readonly queue: string
  readonly definition: string
  readonly key: string
  /** Milliseconds. */
  readonly since: number
  /** JSON. */
  readonly failure: string
}

// By the ids of those that block: neither what waits behind them nor what is broken beside them is read.
const page = statement(
  'blocked-keys',
  (schema) => `
  select b.id, q.name as queue, b.definition, b.key, ${schema}.epoch_ms(b.broken_at) as since, b.failure
  from ${schema}.broken_item b
  join ${schema}.queue q on q.number = b.queue
  where b.blocks and b.id > $1::uuid and ($2::text is null or b.definition = $2)
  order by b.id
  limit $3`,
)

const firstId = '00000000-0000-0000-0000-000000000000'

/** Items that block their keys, behind `after`, by their ids. */
export async function readBlockedKeys(
  runner: Runner,
  schema: string,
  definition: string | undefined,
  after: string | undefined,
  limit: number,
): Promise<BlockedKeyRow[]> {
  const rows = await runner.run(page(schema), [after ?? firstId, definition ?? null, limit])
  return rows.map(toBlockedKey)
}

function toBlockedKey(row: Row): BlockedKeyRow {
  return {
    id: row['id'] as string,
    queue: row['queue'] as string,
    definition: row['definition'] as string,
    key: row['key'] as string,
    since: row['since'] as number,
    failure: row['failure'] as string,
  }
}

const known = statement(
  'known-definition',
  (schema) => `
  select exists (select from ${schema}.definition d where d.id = $1) as is_known`,
)

/** Whether some node has declared the definition. */
export async function isKnownDefinition(runner: Runner, schema: string, id: string): Promise<boolean> {
  const [row] = await runner.run(known(schema), [id])
  return row?.['is_known'] === true
}
