import { CoatcheckError } from './errors.ts'
import { utf8Length } from './json.ts'
import { showNumber, showValue } from './shown-value.ts'

/** Bytes of a partition key in UTF-8. */
export const maxKeyBytes = 1024

/**
 * Makes a partition key of what a `key` function or a caller gave: a string as it is, a finite number or a bigint as
 * text, `undefined` and `null` as null.
 * @throws CoatcheckError `KEY_INVALID` for anything else, an empty key, one over 1,024 bytes of UTF-8, and one with a NUL
 *   character or a lone surrogate
 */
export function checkKey(key: unknown): string | null {
  if (key === undefined || key === null) return null
  const text = typeof key === 'string' ? key : textOfNumber(key)
  if (text === '') throw invalid('is empty', 'give at least one character')
  if (text.length * 3 > maxKeyBytes) {
    const bytes = utf8Length(text)
    if (bytes > maxKeyBytes)
      throw invalid(
        `${start(text)} is ${showNumber(bytes)} bytes`,
        `the limit is ${showNumber(maxKeyBytes)} bytes of UTF-8`,
      )
  }
  if (text.includes('\0'))
    throw invalid(
      `${start(text)} (${utf8Length(text)} bytes) has a NUL character`,
      'PostgreSQL cannot store one',
    )
  if (!text.isWellFormed())
    throw invalid(
      `${start(text)} (${utf8Length(text)} bytes) has a lone surrogate`,
      'it must be well-formed Unicode',
    )
  return text
}

function textOfNumber(key: unknown): string {
  if (typeof key === 'bigint' || (typeof key === 'number' && Number.isFinite(key))) return String(key)
  throw invalid(`is ${showValue(key)}`, 'give a string, a finite number or a bigint')
}

/** The first 60 characters. */
function start(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

function invalid(problem: string, wayOut: string): CoatcheckError {
  return new CoatcheckError('KEY_INVALID', `the partition key ${problem}; ${wayOut}`)
}
