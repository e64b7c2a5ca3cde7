import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'

export const maxLimit = 1_000_000
const defaultLimit = 10_000

/**
 * How many items an act in bulk may meet.
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function readLimit(limit: unknown): number {
  if (limit === undefined) return defaultLimit
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= maxLimit) return limit
  throw new CoatcheckError(
    'OPTION_INVALID',
    `limit is ${showValue(limit)}; it must be a whole number from 1 to ${maxLimit}`,
  )
}
