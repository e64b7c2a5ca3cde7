import { toMs } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { utf8Length } from '../base/json.ts'
import { maxKeyBytes } from '../base/key.ts'
import { showNumber, showValue } from '../base/shown-value.ts'
import { unknownOption } from '../base/suggestion.ts'
import type { EnqueueOptions } from '../define/context.ts'
import type { RequestContext } from '../define/item.ts'

const known = ['delay', 'at', 'uniqueKey', 'context', 'tx']
const knownContext = [
  'operator',
  'accessGroup',
  'application',
  'correlationId',
  'causationId',
  'traceparent',
] as const satisfies (keyof RequestContext)[]

/** PostgreSQL and JavaScript end at different dates; these both have. */
const firstDate = Date.parse('0001-01-01T00:00:00Z')
const lastDate = Date.UTC(9999, 11, 31)
const maxDelayMs = 36_500 * 86_400_000

/** What the options of accepting an item say. One that would fail in the database would fail for all of its flush. */
export interface ReadOptions {
  /** When it is due, as the lane takes it: an absolute time or a delay; undefined: now. */
  readonly due: { readonly due_ms: number } | { readonly delay_ms: number } | undefined
  readonly uniqueKey: string | undefined
  readonly context: RequestContext | undefined
}

/**
 * Whether it is an object of options with no other names: a mistyped `delay` or `tx` must not be passed over.
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function checkOptionNames(options: EnqueueOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalid(`options is ${showValue(options)}; give an object such as { delay: '10 minutes' }`)
  for (const name in options) if (!known.includes(name)) throw invalid(unknownOption(name, known))
}

/** @throws CoatcheckError `OPTION_INVALID` */
export function readOptions(options: EnqueueOptions): ReadOptions {
  return { due: readDue(options), uniqueKey: readUniqueKey(options), context: readContext(options.context) }
}

function readDue({ delay, at }: EnqueueOptions): ReadOptions['due'] {
  if (delay === undefined && at === undefined) return undefined
  if (delay !== undefined && at !== undefined)
    throw invalid(`both delay (${showValue(delay)}) and at (${showDate(at)}) are given; give one of them`)
  if (delay !== undefined) {
    const delayMs = toMs(delay, 'delay')
    if (delayMs > maxDelayMs) throw invalid(`delay is ${showValue(delay)}; it can be 36,500 days at most`)
    return delayMs === 0 ? undefined : { delay_ms: delayMs }
  }
  const time = at instanceof Date ? at.getTime() : Number.NaN
  if (!(time >= firstDate && time <= lastDate))
    throw invalid(`at is ${showDate(at)}; it must be a valid Date of the years 1 to 9999`)
  return { due_ms: time }
}

function showDate(at: unknown): string {
  return at instanceof Date && !Number.isNaN(at.getTime()) ? at.toISOString() : showValue(at)
}

function readUniqueKey({ uniqueKey, delay, at }: EnqueueOptions): string | undefined {
  if (uniqueKey === undefined) return undefined
  const key = readText(uniqueKey, 'uniqueKey')
  if (delay !== undefined || at !== undefined)
    throw invalid('uniqueKey cannot be combined with delay or at in this release; leave one out')
  return key
}

function readContext(context: unknown): RequestContext | undefined {
  if (context === undefined) return undefined
  if (typeof context !== 'object' || context === null)
    throw invalid(`context is ${showValue(context)}; give an object such as { operator: 'me' }`)
  for (const [name, value] of Object.entries(context)) {
    if (!(knownContext as readonly string[]).includes(name))
      throw invalid(unknownOption(name, knownContext, 'context.'))
    if (value !== undefined) readText(value, `context.${name}`)
  }
  return context
}

function readText(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '')
    throw invalid(`${name} is ${showValue(value)}; it must be text of 1 to 1,024 bytes`)
  const shown = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  const bytes = utf8Length(value)
  if (bytes > maxKeyBytes)
    throw invalid(`${name} ${shown} is ${showNumber(bytes)} bytes; the limit is ${showNumber(maxKeyBytes)}`)
  if (value.includes('\0'))
    throw invalid(`${name} ${shown} has a NUL character, which PostgreSQL cannot store`)
  if (!value.isWellFormed())
    throw invalid(`${name} ${shown} has a lone surrogate; it must be well-formed Unicode`)
  return value
}

function invalid(sentence: string): CoatcheckError {
  return new CoatcheckError('OPTION_INVALID', sentence)
}
