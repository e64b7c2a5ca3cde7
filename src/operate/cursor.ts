import { CoatcheckError } from '../base/errors.ts'
import { z } from './schema.ts'

/** The query of every list. */
export const pageQuery = {
  cursor: z.string().max(500).optional().describe('The next of the page before'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
} as const

/** Where a page ended: a text that sorts by itself, or a number, and what parts equal ones. */
export interface Place {
  readonly place: string
  readonly id: string
}

/**
 * One page of rows that were read one beyond its end.
 * @returns with what the next page begins behind, where there is one
 */
export function pageOf<Row extends Place>(
  rows: readonly Row[],
  limit: number,
): { readonly items: readonly Row[]; readonly next: string | undefined } {
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items,
    next: last && Buffer.from(JSON.stringify([last.place, last.id])).toString('base64url'),
  }
}

/**
 * Reads what {@link pageOf} gave.
 * @throws CoatcheckError `REQUEST_INVALID`
 */
export function readCursor(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined
  const [place, id] = parse(cursor)
  if (typeof place === 'string' && /^-?\d{1,18}$/.test(place) && typeof id === 'string' && isStorable(id))
    return { place, id }
  const detail = 'the cursor is none that a page of this list gave'
  throw new CoatcheckError('REQUEST_INVALID', detail, { errors: [{ detail, pointer: '/cursor' }] })
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function parse(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
