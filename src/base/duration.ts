import { CoatcheckError } from './errors.ts'
import { showValue } from './shown-value.ts'

/** A length of time: a number of milliseconds, or text such as `'250 ms'`, `'20s'`, `'5 minutes'`, `'1 hour'`, `'7d'`. */
export type Duration = number | string

const unitMs = new Map([
  ...units(['ms', 'millisecond', 'milliseconds'], 1),
  ...units(['s', 'sec', 'second', 'seconds'], 1000),
  ...units(['m', 'min', 'minute', 'minutes'], 60_000),
  ...units(['h', 'hour', 'hours'], 3_600_000),
  ...units(['d', 'day', 'days'], 86_400_000),
  ...units(['w', 'week', 'weeks'], 604_800_000),
])

function units(names: readonly string[], milliseconds: number): [string, number][] {
  return names.map((name) => [name, milliseconds])
}

/** The milliseconds of a duration, or undefined where it is none. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const [, amount, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(value) ?? []
  const factor = unitMs.get(unit.toLowerCase())
  if (amount === undefined || factor === undefined) return undefined
  const milliseconds = Number(amount) * factor
  return Number.isFinite(milliseconds) ? milliseconds : undefined
}

/**
 * The milliseconds of a duration.
 * @param name what to call it in the error
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function toMs(value: Duration, name: string): number {
  const milliseconds = durationMs(value)
  if (milliseconds === undefined)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `${name} is ${showValue(value)}, which is no duration; write milliseconds as a number or text such as '20s' or '5 minutes'`,
    )
  return milliseconds
}
