import { durationMs, type Duration } from '../base/duration.ts'
import type { OptionReader } from '../define/option-reader.ts'
import type { Rate } from './caller.ts'

/** So many requests in so much time, on each node. */
export interface RateOptions {
  /** 1–1,000,000,000. */
  readonly quota: number
  /** Whole seconds: 1 s to 1 day. */
  readonly window: Duration
}

const day = 86_400_000

/** Reads the option `rate`. */
export function readRate(reader: OptionReader): Rate | undefined {
  const rate = reader.within('rate', `{ quota: 100, window: '1 minute' }`)
  if (!rate) return undefined
  rate.onlyKnown(['quota', 'window'], { limit: 'did you mean "quota"?' })
  for (const name of ['quota', 'window'])
    if (!rate.isSet(name)) rate.refuse(name, `a rate has both, such as { quota: 100, window: '1 minute' }`)
  const quota = rate.wholeNumber('quota', { from: 1, to: 1_000_000_000, unless: 1 })
  const windowMs = rate.duration('window', { from: 1000, to: day, unless: 1000, words: '1 s to 1 day' })
  if (windowMs % 1000 !== 0) rate.refuse('window', 'write whole seconds')
  return Object.freeze({ quota, windowMs })
}

/** `100/1m`: a rate in a word. Undefined where it is none. */
export function parseRate(text: string): RateOptions | undefined {
  const [, quota, window] = /^(\d{1,10})\/(.+)$/.exec(text) ?? []
  if (quota === undefined || window === undefined || durationMs(window) === undefined) return undefined
  return { quota: Number(quota), window }
}
