import { CoatcheckError } from './errors.ts'

/** A length of time: a number of milliseconds, or text such as `'250 ms'`, `'20s'`, `'5 minutes'`, `'1 hour'`, `'7d'`. */
export type Duration = number | string

const unitMs: Record<string, number> = {
  ms: 1, millisecond: 1, milliseconds: 1,
  s: 1000, second: 1000, seconds: 1000,
  m: 60_000, min: 60_000, minute: 60_000, minutes: 60_000,
  h: 3_600_000, hour: 3_600_000, hours: 3_600_000,
  d: 86_400_000, day: 86_400_000, days: 86_400_000,
  w: 604_800_000, week: 604_800_000, weeks: 604_800_000,
}

/** The milliseconds of a duration, or undefined where it is none. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(value)
  const unit = match && unitMs[match[2]!.toLowerCase()]
  return match && unit ? Number(match[1]) * unit : undefined
}

/**
 * The milliseconds of a duration.
 * @param name what to call it in the error
 * @throws CoatcheckError `OPTION_INVALID`
 */
export function toMs(value: Duration, name: string): number {
  const milliseconds = durationMs(value)
  if (milliseconds === undefined)
    throw new CoatcheckError('OPTION_INVALID', `${name} is ${JSON.stringify(value)}, which is no duration; write milliseconds as a number or text such as '20s' or '5 minutes'`)
  return milliseconds
}
