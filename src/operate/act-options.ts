import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { unknownOption } from '../base/suggestion.ts'
import type { Asking } from '../engine/act-desk.ts'

/** Who asks for an act, and why: both stand in the item's log. At most 200 and 2,000 characters. */
export interface ActOptions {
  readonly operator?: string
  readonly reason?: string
}

export interface DeferOptions extends ActOptions {
  /** When the item goes on by itself, by the clock of the database; unless set, when it is resumed. */
  readonly until?: Date
}

export interface RequeueOptions extends ActOptions {
  /** Another input instead of the stored one. It is checked as when it is accepted, and its key must be the same. */
  readonly input?: unknown
}

export interface EditOptions extends ActOptions {
  /** The input that it is to have. It is checked as when it is accepted, and its key must be the same. */
  readonly input: unknown
}

const askingNames = ['operator', 'reason']
const maxLengths = { operator: 200, reason: 2_000 } as const

/**
 * The operator and the reason among options.
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function readAsking(options: ActOptions, more: readonly string[] = []): Asking {
  if (typeof options !== 'object' || options === null)
    throw invalid(
      `options is ${showValue(options)}; give an object such as { reason: 'asked by the customer' }`,
    )
  const known = [...more, ...askingNames]
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw invalid(unknownOption(name, known))
  return { ...readText(options, 'operator'), ...readText(options, 'reason') }
}

function readText(options: ActOptions, name: 'operator' | 'reason'): Asking {
  const value: unknown = options[name]
  if (value === undefined) return {}
  const max = maxLengths[name]
  if (typeof value !== 'string' || value.length === 0 || value.length > max || value.includes('\0'))
    throw invalid(`${name} is ${showValue(value)}; it must be text of 1 to ${max} characters`)
  return { [name]: value.toWellFormed() }
}

export function readInput(options: { readonly input?: unknown }): { input?: { value: unknown } } {
  return options.input === undefined ? {} : { input: { value: options.input } }
}

/** @throws CoatcheckError `OPTION_INVALID` */
export function readDate(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined
  const time = value instanceof Date ? value.getTime() : Number.NaN
  if (!(time >= Date.UTC(1970, 0, 1) && time <= Date.UTC(9999, 11, 31)))
    throw invalid(`${name} is ${showValue(value)}; it must be a valid Date of the years 1970 to 9999`)
  return time
}

function invalid(sentence: string): CoatcheckError {
  return new CoatcheckError('OPTION_INVALID', sentence)
}
