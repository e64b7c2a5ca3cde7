import { toMs, type Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { utf8Length } from '../base/json.ts'
import { maxKeyBytes } from '../base/key.ts'
import { showNumber, showValue } from '../base/shown-value.ts'
import { unknownOption } from '../base/suggestion.ts'
import type { EnqueueOptions } from '../define/context.ts'
import type { RequestContext } from '../define/item.ts'

const known = ['delay', 'at', 'uniqueKey', 'uniqueFor', 'debounce', 'context', 'tx']
const knownDebounce = ['key', 'wait', 'maxWait']
const knownContext = [
  'caller',
  'operator',
  'accessGroup',
  'application',
  'correlationId',
  'requestId',
  'causationId',
  'traceparent',
] as const satisfies (keyof RequestContext)[]

/** PostgreSQL and JavaScript end at different dates; these both have. */
const firstDate = Date.parse('0001-01-01T00:00:00Z')
const lastDate = Date.UTC(9999, 11, 31)
const dayMs = 86_400_000
const maxDelayMs = 36_500 * dayMs
const maxUniqueMs = 3_650 * dayMs
const maxDebounceMs = 365 * dayMs

/** A unique key, and for how long it is kept. */
export interface ReadUnique {
  readonly key: string
  readonly keptMs: number
}

/** How an item is debounced; without a key of its own it is the partition key. */
export interface ReadDebounce {
  readonly key: string | undefined
  readonly waitMs: number
  readonly maxWaitMs: number | undefined
}

/** What the options of accepting an item say. One that would fail in the database would fail for all of its flush. */
export interface ReadOptions {
  /** When it is due, as the lane takes it: an absolute time or a delay; undefined: now. */
  readonly due: { readonly due_ms: number } | { readonly delay_ms: number } | undefined
  readonly unique: ReadUnique | undefined
  readonly debounce: ReadDebounce | undefined
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
  return {
    due: readDue(options),
    unique: readUnique(options),
    debounce: readDebounce(options),
    context: readContext(options.context),
  }
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

function readUnique({ uniqueKey, uniqueFor, delay, at }: EnqueueOptions): ReadUnique | undefined {
  if (uniqueKey === undefined) {
    if (uniqueFor !== undefined) throw invalid('uniqueFor is given without uniqueKey; give both, or neither')
    return undefined
  }
  const key = readText(uniqueKey, 'uniqueKey')
  if (delay !== undefined || at !== undefined)
    throw invalid('uniqueKey cannot be combined with delay or at in this release; leave one out')
  if (uniqueFor === undefined) return { key, keptMs: dayMs }
  return { key, keptMs: readLength(uniqueFor, 'uniqueFor', maxUniqueMs, '3,650 days') }
}

function readDebounce({ debounce, uniqueKey, delay, at }: EnqueueOptions): ReadDebounce | undefined {
  if (debounce === undefined) return undefined
  if (typeof debounce !== 'object' || debounce === null)
    throw invalid(`debounce is ${showValue(debounce)}; give an object such as { wait: '30s' }`)
  for (const name in debounce)
    if (!knownDebounce.includes(name)) throw invalid(unknownOption(name, knownDebounce, 'debounce.'))
  for (const [name, other] of Object.entries({ uniqueKey, delay, at }))
    if (other !== undefined) throw invalid(`debounce cannot be combined with ${name}; leave one out`)
  const { key, wait, maxWait } = debounce
  if (wait === undefined) throw invalid("debounce has no wait; give a duration such as { wait: '30s' }")
  const waitMs = readLength(wait, 'debounce.wait', maxDebounceMs, '365 days')
  const maxWaitMs =
    maxWait === undefined ? undefined : readLength(maxWait, 'debounce.maxWait', maxDebounceMs, '365 days')
  if (maxWaitMs !== undefined && maxWaitMs < waitMs)
    throw invalid(
      `debounce.maxWait is ${showValue(maxWait)}, which is shorter than debounce.wait, ${showValue(wait)}`,
    )
  return { key: key === undefined ? undefined : readText(key, 'debounce.key'), waitMs, maxWaitMs }
}

/** A duration that is more than nothing. */
function readLength(value: Duration, name: string, maxMs: number, most: string): number {
  const lengthMs = toMs(value, name)
  if (lengthMs < 1 || lengthMs > maxMs)
    throw invalid(`${name} is ${showValue(value)}; it must be 1 ms to ${most}`)
  return lengthMs
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
