import { CoatcheckError } from './errors.ts'
import {
  describeUnwritable,
  findForbidden,
  isDeeperThan,
  isTextDeeperThan,
  jsonPointer,
} from './json-scan.ts'
import { showNumber, showValue } from './shown-value.ts'

/** How many levels of arrays and objects a payload, a result or any other stored JSON may have. */
export const maxJsonDepth = 512

export interface JsonLimits {
  /** Bytes of the JSON text in UTF-8. */
  readonly maxBytes: number
  /** What it is, to begin an error sentence with: `the payload of provision-account`. */
  readonly what: string
  /** Which option raises `maxBytes`, null where none does; `maxPayload` unless set. */
  readonly option?: string | null
  /** Whether {@link writeJsonText} lets strings hold anything, for what is only ever kept as text: a result. */
  readonly anyText?: boolean
}

/** A value that has been written as JSON, and what is read back from that text: Dates are strings by then. */
export interface WrittenJson {
  readonly text: string
  readonly value: unknown
}

/** JSON that came as text and has been checked: it is kept as it came, and neither written nor read once more. */
export class ReadJson implements WrittenJson {
  readonly text: string
  #value: { readonly read: unknown } | undefined

  /** @throws CoatcheckError as {@link checkJsonText} */
  constructor(text: string, limits: JsonLimits) {
    this.text = text
    this.#value = { read: checkJsonText(text, limits) }
  }

  /** Each time one of its own: a schema may change what it is given. */
  get value(): unknown {
    const value = this.#value
    this.#value = undefined
    return value ? value.read : JSON.parse(this.text)
  }
}

/**
 * Writes a value as JSON, checks that it can be stored and reads it back.
 * @throws CoatcheckError `PAYLOAD_NOT_JSON` for undefined, a function, a BigInt, a cycle (it says where) or a `toJSON`
 *   that throws; `PAYLOAD_TOO_LARGE`; `PAYLOAD_TOO_DEEP` beyond 512 levels; `PAYLOAD_INVALID` with a pointer for an own
 *   `__proto__` key, a NUL character or a lone surrogate
 */
export function writeJson(value: unknown, limits: JsonLimits): WrittenJson {
  const text = stringify(value, limits)
  return { text, value: checkJsonText(text, limits) }
}

/**
 * Writes a value as JSON and checks it as {@link writeJson} does, without reading it back.
 * @throws CoatcheckError as {@link writeJson}
 */
export function writeJsonText(value: unknown, limits: JsonLimits): string {
  const text = stringify(value, limits)
  checkSize(text, limits)
  checkDepth(text, limits)
  if (!limits.anyText && isSuspect(text)) checkMembers(JSON.parse(text), limits)
  return text
}

function stringify(value: unknown, limits: JsonLimits): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw unwritable(value, limits, error)
  }
  if (text === undefined)
    throw new CoatcheckError(
      'PAYLOAD_NOT_JSON',
      `${limits.what} is ${showValue(value)}, which JSON cannot hold; give null, a string, a number, a boolean, an array or an object`,
    )
  return text
}

function checkDepth(text: string, limits: JsonLimits): void {
  // 513 levels need 513 opening and 513 closing brackets
  if (text.length > 2 * maxJsonDepth && isTextDeeperThan(text, maxJsonDepth)) throw tooDeep(limits)
}

/**
 * Checks JSON that came as text as {@link writeJson} checks a value.
 * @returns the parsed value
 * @throws CoatcheckError `MALFORMED_JSON`, and what {@link writeJson} throws
 */
export function checkJsonText(text: string, limits: JsonLimits): unknown {
  checkSize(text, limits)
  checkDepth(text, limits)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new CoatcheckError(
      'MALFORMED_JSON',
      `${limits.what} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
  if (isSuspect(text)) checkMembers(value, limits)
  return value
}

/**
 * Native searches that cost nearly nothing: JSON.stringify writes NUL and lone surrogates as \u escapes, text from
 * outside may also hold surrogates as they are. A hit may be harmless (an escaped backslash before a u); only then the
 * value is walked.
 */
function isSuspect(text: string): boolean {
  return text.includes('\\u') || text.includes('__proto__') || !text.isWellFormed()
}

function checkMembers(value: unknown, limits: JsonLimits): void {
  const found = findForbidden(value)
  if (!found) return
  const pointer = jsonPointer(found.path)
  const where = found.path.length === 0 ? '' : ` at ${pointer}`
  throw new CoatcheckError('PAYLOAD_INVALID', `${limits.what} has ${found.detail}${where}; remove it`, {
    errors: [{ detail: found.detail, pointer }],
  })
}

function checkSize(text: string, limits: JsonLimits): void {
  // a UTF-16 unit is at most three bytes of UTF-8
  if (text.length * 3 <= limits.maxBytes) return
  const bytes = utf8Length(text)
  if (bytes <= limits.maxBytes) return
  throw tooLarge(`${showNumber(bytes)} bytes`, limits)
}

function tooLarge(size: string, { what, maxBytes, option = 'maxPayload' }: JsonLimits): CoatcheckError {
  const way = option === null ? 'make it smaller' : `raise ${option}`
  return new CoatcheckError(
    'PAYLOAD_TOO_LARGE',
    `${what} is ${size} as JSON, over the limit of ${showNumber(maxBytes)} bytes; ${way}, or store it elsewhere and hand over where it is`,
  )
}

function tooDeep(limits: JsonLimits): CoatcheckError {
  return new CoatcheckError(
    'PAYLOAD_TOO_DEEP',
    `${limits.what} is nested over ${maxJsonDepth} levels deep; flatten it, or hand it over as text`,
  )
}

/** Why JSON.stringify threw. Only the failing case pays for finding out. */
function unwritable(value: unknown, limits: JsonLimits, error: unknown): CoatcheckError {
  if (error instanceof RangeError) {
    if (isDeeperThan(value, maxJsonDepth)) return tooDeep(limits)
    if (error.message.includes('string length')) return tooLarge('over 500 MB', limits)
  }
  const reason =
    describeUnwritable(value, maxJsonDepth) ??
    `cannot be written as JSON: ${error instanceof Error ? error.message : showValue(error)}`
  return new CoatcheckError('PAYLOAD_NOT_JSON', `${limits.what} ${reason}`, { cause: error })
}

const encoder = new TextEncoder()

/** The bytes of a text in UTF-8; a lone surrogate counts three. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length
}
