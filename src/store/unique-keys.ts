import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Tx } from '../base/tx.ts'
import type { Runner } from './driver.ts'
import { statement } from './statement.ts'

export interface UniqueRow {
  readonly queue: number
  readonly partition: number
  readonly generation: number
  readonly flush: string
  readonly entries: readonly string[]
}

/** Rows to append, and their items with their unique keys; `row` counts from 1. */
export interface UniqueRequest {
  readonly rows: readonly Omit<UniqueRow, 'entries'>[]
  readonly items: readonly {
    row: number
    id: string
    scope: string
    key: string
    entry: string
    kept_ms: number
  }[]
}

export interface UniqueAnswer {
  /** One id per item, in order: its own, or that of the first item with its key. */
  readonly ids: readonly string[]
  readonly clock: number
}

const append = statement(
  'append-unique',
  (schema) => `
  select ids::text as ids, clock from ${schema}.append_unique($1::text::json, $2::text::json, $3::float8)`,
)

/**
 * Appends items whose keys are new.
 * @throws CoatcheckError `UNIQUE_KEY_BUSY` when an open transaction holds one of the keys for longer than a second
 */
export async function appendUnique(
  runner: Runner,
  schema: string,
  request: UniqueRequest,
  notAfter: number | undefined,
): Promise<UniqueAnswer> {
  try {
    const [row] = await runner.run(append(schema), [
      JSON.stringify(request.rows),
      JSON.stringify(request.items),
      notAfter ?? null,
    ])
    return readAnswer(row)
  } catch (error) {
    throw toBusy(error, request)
  }
}

/**
 * The same within a transaction of somebody else.
 * @throws CoatcheckError `UNIQUE_KEY_BUSY`
 */
export async function appendUniqueIn(tx: Tx, schema: string, request: UniqueRequest): Promise<UniqueAnswer> {
  const values = [JSON.stringify(request.rows), JSON.stringify(request.items), null]
  try {
    const { rows } = await tx.query(append(schema).text, values)
    return readAnswer(rows[0])
  } catch (error) {
    throw toBusy(error, request)
  }
}

function readAnswer(row: Record<string, unknown> | undefined): UniqueAnswer {
  return { ids: JSON.parse(row?.['ids'] as string) as string[], clock: Number(row?.['clock']) }
}

function toBusy(error: unknown, { items }: UniqueRequest): unknown {
  const isLockTimeout = (error as { code?: unknown } | undefined)?.code === '55P03'
  if (!isLockTimeout) return error
  const which = items.length === 1 ? `the unique key ${showValue(items[0]?.key)}` : 'a unique key'
  return new CoatcheckError(
    'UNIQUE_KEY_BUSY',
    `an open transaction holds ${which} for longer than a second; try again when it has ended`,
    { cause: error },
  )
}

const expire = statement(
  'expire-unique-keys',
  (schema) => `
  delete from ${schema}.unique_key
  where (scope, key) in (
    select scope, key from ${schema}.unique_key where expires_at < ${schema}.clock() limit $1 for update skip locked
  )`,
)

/** Deletes unique keys whose time is over, at most `limit`. */
export async function expireUniqueKeys(runner: Runner, schema: string, limit: number): Promise<void> {
  await runner.run(expire(schema), [limit])
}
