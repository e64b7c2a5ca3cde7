import { CoatcheckError } from '../base/errors.ts'
import { parseItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import { unknownOption } from '../base/suggestion.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { ActDesk } from '../engine/act-desk.ts'

export interface BlockedKeysOptions {
  /** Name of the queue processor; all unless set. */
  readonly processor?: string
  /** How many at most: 1–1,000; 100 unless set. */
  readonly limit?: number
  /** The `item` of the last one of the page before. */
  readonly after?: string
}

/** A key that is blocked: what comes later of it is held until a person has decided about the item. */
export interface BlockedKey {
  readonly processor: string
  readonly queue: string
  readonly key: string
  /** The id of the broken item that blocks it. */
  readonly item: string
  readonly since: Date
  /** Why the item is broken. */
  readonly failure: FailureRecord
}

const names = ['processor', 'limit', 'after'] as const satisfies (keyof BlockedKeysOptions)[]
const maxLimit = 1_000

export async function listBlockedKeys(desk: ActDesk, options: BlockedKeysOptions): Promise<BlockedKey[]> {
  const { processor, limit = 100, after } = readOptions(options)
  const rows = await desk.blockedKeys(processor, after?.toLowerCase(), limit)
  return rows.map(({ id, queue, definition, key, since, failure }) => ({
    processor: definition,
    queue,
    key,
    item: id,
    since: new Date(since),
    failure: JSON.parse(failure) as FailureRecord,
  }))
}

function readOptions(options: BlockedKeysOptions): BlockedKeysOptions {
  if (typeof options !== 'object' || options === null)
    throw invalid(`options is ${showValue(options)}; give an object such as { limit: 10 }`)
  for (const name of Object.keys(options))
    if (!(names as readonly string[]).includes(name)) throw invalid(unknownOption(name, names))
  const { processor, limit, after } = options
  if (processor !== undefined && (typeof processor !== 'string' || processor.includes('\0')))
    throw invalid(`processor is ${showValue(processor)}; it must be the name of a queue processor`)
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= maxLimit))
    throw invalid(`limit is ${showValue(limit)}; it must be a whole number from 1 to ${maxLimit}`)
  if (after !== undefined) parseItemId(after)
  return options
}

function invalid(sentence: string): CoatcheckError {
  return new CoatcheckError('OPTION_INVALID', sentence)
}
