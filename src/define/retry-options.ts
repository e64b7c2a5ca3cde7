import { durationMs } from '../base/duration.ts'
import type { RetryPolicy } from './definition.ts'
import { retryOptions } from './option-names.ts'
import type { OptionReader } from './option-reader.ts'

const day = 86_400_000

const usualRetry: RetryPolicy = Object.freeze({
  maxAttempts: 3,
  initialDelayMs: 60_000,
  factor: 2,
  maxDelayMs: 3_600_000,
  jitter: 0.1,
})

/** The options of `retry` that say when attempts are made, and how many. */
const spacing = ['maxAttempts', 'initialDelay', 'factor', 'maxDelay']

/** Reads the option `retry`. */
export function readRetry(reader: OptionReader, unset: RetryPolicy = usualRetry): RetryPolicy {
  const retry = reader.within('retry', `{ maxAttempts: 5, initialDelay: '30s' }`)
  if (!retry) return unset
  retry.onlyKnown(retryOptions)
  const jitter = retry.number('jitter', { from: 0, to: 1, unless: unset.jitter })
  if (retry.isSet('delays')) return Object.freeze({ ...usualRetry, ...readDelays(retry), jitter })
  if (!spacing.some((name) => retry.isSet(name))) return Object.freeze({ ...unset, jitter })
  const range = { from: 0, to: 30 * day, words: '0 to 30 days' }
  const initialDelayMs = retry.duration('initialDelay', { ...range, unless: usualRetry.initialDelayMs })
  const maxDelayMs = retry.duration('maxDelay', {
    ...range,
    unless: Math.max(usualRetry.maxDelayMs, initialDelayMs),
  })
  if (maxDelayMs < initialDelayMs)
    retry.refuse(
      'maxDelay',
      `it is shorter than the first delay of ${initialDelayMs} ms; raise it, or lower retry.initialDelay`,
    )
  return Object.freeze({
    maxAttempts: retry.wholeNumber('maxAttempts', { from: 1, to: 1000, unless: usualRetry.maxAttempts }),
    initialDelayMs,
    factor: retry.number('factor', { from: 1, to: 100, unless: usualRetry.factor }),
    maxDelayMs,
    jitter,
  })
}

/** The delays one by one: they say how many attempts there are, too. */
function readDelays(retry: OptionReader): Pick<RetryPolicy, 'delaysMs' | 'maxAttempts'> {
  for (const name of spacing)
    if (retry.isSet(name)) retry.refuse(name, 'delays says it already; leave one of them out')
  const given: unknown = retry.options['delays']
  const delaysMs = Array.isArray(given) ? given.map(durationMs) : []
  const isRight = delaysMs.every((delay): delay is number => delay !== undefined && delay <= 30 * day)
  if (delaysMs.length > 0 && delaysMs.length < 1000 && isRight)
    return { delaysMs: Object.freeze(delaysMs), maxAttempts: delaysMs.length + 1 }
  retry.refuse('delays', `write 1 to 999 durations of at most 30 days, such as ['5s', '5 minutes', '1 hour']`)
  return { maxAttempts: usualRetry.maxAttempts }
}
