import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Tx } from '../base/tx.ts'
import { acceptDeadlines, type Runner } from './driver.ts'
import { partitionsChanged } from './partitions-changed.ts'
import { statement } from './statement.ts'

export interface UniqueRow {
  readonly queue: number
  readonly partition: number
  /** That of the queue's partitions that the caller counted with. */
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
    digest: string
  }[]
}

/**
 * The id of the item itself, or of the first one with its key; `clash` where that one has another payload; `busy` where another
 * transaction holds its key, and it was left out.
 */
export type UniqueFate = string | { readonly clash: string } | { readonly busy: true }

export interface UniqueAnswer {
  /** One per item, in order. */
  readonly fates: readonly UniqueFate[]
  readonly clock: number
}

const append = statement(
  'append-unique',
  (schema) => `
  select ids::text as ids, clock from ${schema}.append_unique($1::text::json, $2::text::json, $3::float8, $4)`,
)

export interface UniqueDeadlines {
  /** The time by the database's clock after which it must refuse itself. */
  readonly notAfter: number
  readonly timeoutMs: number
  /**
   * Leave out the items whose keys are held. Not where the same may have been sent before: it may be that one that holds them.
   */
  readonly leaveBusy: boolean
}

/**
 * Appends items whose keys are new.
 * @throws an error with the code `CC001` where the partitions of a queue have changed: then nothing was done; CoatcheckError
 * `UNIQUE_KEY_BUSY` when an open transaction holds one of the keys for longer than a second, and it is not to be left out
 */
export async function appendUnique(
  runner: Runner,
  schema: string,
  request: UniqueRequest,
  { notAfter, timeoutMs, leaveBusy }: UniqueDeadlines,
): Promise<UniqueAnswer> {
  const values = [JSON.stringify(request.rows), JSON.stringify(request.items), notAfter, leaveBusy]
  try {
    const [row] = await runner.run(append(schema), values, acceptDeadlines(timeoutMs))
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
  const values = [JSON.stringify(request.rows), JSON.stringify(request.items), null, false]
  try {
    const { rows } = await tx.query(append(schema).text, values)
    return readAnswer(rows[0])
  } catch (error) {
    throw toBusy(error, request)
  }
}

function readAnswer(row: Record<string, unknown> | undefined): UniqueAnswer {
  if ((row?.['ids'] ?? null) === null) throw partitionsChanged()
  return { fates: JSON.parse(row?.['ids'] as string) as UniqueFate[], clock: Number(row?.['clock']) }
}

function toBusy(error: unknown, { items }: UniqueRequest): unknown {
  const isLockTimeout = (error as { code?: unknown } | undefined)?.code === '55P03'
  if (!isLockTimeout) return error
  return keyBusy(items.length === 1 ? `the unique key ${showValue(items[0]?.key)}` : 'a unique key', error)
}

/** @param which names the key */
export function keyBusy(which: string, cause?: unknown): CoatcheckError {
  return new CoatcheckError(
    'UNIQUE_KEY_BUSY',
    `an open transaction holds ${which} for longer than a second; try again when it has ended`,
    { cause },
  )
}

const expire = statement(
  'expire-unique-keys',
  (schema) => `
  delete from ${schema}.unique_key
  where ctid = any (array(
    select ctid
    from ${schema}.unique_key
    where expires_at < (select ${schema}.clock()) - interval '2 minutes'
    order by expires_at
    limit $1
    for update skip locked
  ))
  returning 1`,
)

/**
 * Deletes unique keys whose time is over for two minutes, at most `limit`: an ambiguous flush is answered by them when it is
 * sent again. @returns how many went
 */
export async function expireUniqueKeys(runner: Runner, schema: string, limit: number): Promise<number> {
  return (await runner.run(expire(schema), [limit])).length
}
