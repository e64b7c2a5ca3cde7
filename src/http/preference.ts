import { durationMs } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { HttpRequest, RequestHeaders } from './message.ts'

/** The longest wait that a request is held open for, whatever it asks for. */
export const maxWaitMs = 60_000

/** What a request prefers (RFC 7240), as far as we know it. */
export interface Preference {
  readonly respondAsync: boolean
  /** Undefined where it does not say; at most {@link maxWaitMs}. */
  readonly waitMs: number | undefined
  /** Undefined where it does not say; the name and the parameter are those of OData. */
  readonly callback: { readonly url: string | undefined } | undefined
}

const noHeaders = {}
const noPreference: Preference = Object.freeze({
  respondAsync: false,
  waitMs: undefined,
  callback: undefined,
})

/** Reads `Prefer`. The first instance of a preference counts; what we do not know, or cannot read, is ignored. */
export function readPreference(headers: RequestHeaders): Preference {
  const header = headers.get('prefer')
  if (header === null) return noPreference
  let respondAsync: string | undefined
  let wait: string | undefined
  let callback: Preference['callback']
  for (const preference of partsOf(header, ',')) {
    const [first = '', ...parameters] = partsOf(preference, ';')
    const { name, value } = readPair(first) ?? {}
    if (name === 'respond-async') respondAsync ??= value
    else if (name === 'wait') wait ??= value
    else if (name === 'callback' || name === 'odata.callback') callback ??= { url: readUrl(parameters) }
  }
  return {
    respondAsync: respondAsync === '',
    waitMs:
      wait !== undefined && /^\d{1,9}$/.test(wait) ? Math.min(Number(wait) * 1000, maxWaitMs) : undefined,
    // said twice, the header of its own counts
    callback: headers.has('callback-url') ? undefined : callback,
  }
}

/** The parameter `url` of a preference. */
function readUrl(parameters: readonly string[]): string | undefined {
  for (const parameter of parameters) {
    const { name, value } = readPair(parameter) ?? {}
    if (name === 'url' && value !== '') return value
  }
  return undefined
}

/**
 * What stands between the signs that stand in no quoted string. Gone through once, here and below: of a header that an expression
 * goes back and forth in, 16 kB hold up everybody for half a second.
 */
function partsOf(text: string, sign: ',' | ';'): string[] {
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') at = endOfString(text, at)
    else if (text[at] === sign) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** `name`, `name=word` or `name="a string"`, with the name in lower case; undefined where it is none of them. */
function readPair(text: string): { name: string; value: string } | undefined {
  const end = text.indexOf('=')
  const name = (end < 0 ? text : text.slice(0, end)).trim().toLowerCase()
  const value = end < 0 ? '' : text.slice(end + 1).trim()
  if (name === '' || /[\s"]/.test(name)) return undefined
  if (!value.startsWith('"')) return /[\s"]/.test(value) ? undefined : { name, value }
  if (endOfString(value, 0) !== value.length - 1) return undefined
  return { name, value: value.slice(1, -1).replaceAll(/\\(.)/g, '$1') }
}

/** The place of the quote that ends the string which begins at `start`; the length of the text where none does. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return Math.min(at, text.length)
}

/** `Preference-Applied`, where any was. */
export function appliedHeader(applied: Partial<Preference>): Readonly<Record<string, string>> {
  if (applied === noPreference) return noHeaders
  const parts = [
    ...(applied.respondAsync ? ['respond-async'] : []),
    ...(applied.waitMs === undefined ? [] : [`wait=${applied.waitMs / 1000}`]),
    ...(applied.callback ? ['callback'] : []),
  ]
  return parts.length === 0 ? {} : { 'preference-applied': parts.join(', ') }
}

/**
 * How long `?wait=20s` asks to wait, at most {@link maxWaitMs}; 0 where it does not.
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function readWaitParameter({ query }: HttpRequest): number {
  const wait = query.get('wait')
  if (wait === null) return 0
  const waitMs = durationMs(wait)
  if (waitMs === undefined)
    throw new CoatcheckError('OPTION_INVALID', `wait is ${showValue(wait)}; write it as 20s or 1m`)
  return Math.min(waitMs, maxWaitMs)
}
