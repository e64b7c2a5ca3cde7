import type { Receiver } from '../../http/receiver.ts'

/** What a receiver does, and what has to come of a callback to it. */
export interface Behaviour {
  readonly name: string
  /** Where one goes to; its number makes the path its own. */
  readonly urlOf: (at: number) => string
  readonly state: 'succeeded' | 'broken'
  readonly attempts: number
  /** Holds its place until the attempt is given up. */
  readonly isSlow?: boolean
}

export const timeoutMs = 1_000
export const maxAttempts = 4

/**
 * @param slow never answers
 * @param bad does all else that a receiver should not
 */
export function planReceivers(slow: Receiver, bad: Receiver): readonly Behaviour[] {
  const broken = (name: string, urlOf: Behaviour['urlOf'], more: Partial<Behaviour> = {}): Behaviour => ({
    name,
    urlOf,
    state: 'broken',
    attempts: maxAttempts,
    ...more,
  })
  const well = (name: string, urlOf: Behaviour['urlOf'], attempts = 1): Behaviour => ({
    name,
    urlOf,
    state: 'succeeded',
    attempts,
  })
  const redirects = [301, 302, 303, 307, 308]
  return [
    broken('silent', (at) => slow.url(`/silent/${at}`), { isSlow: true }),
    broken('slow head', (at) => slow.url(`/slow-head/${at}`), { isSlow: true }),
    broken('500 each time', (at) => bad.url(`/status/500/${at}`)),
    well('500 twice', (at) => bad.url(`/status/500,500,204/${at}`), 3),
    well('429 with Retry-After', (at) => bad.url(`/later/429,1/${at}`), 2),
    broken('a redirect', (at) => bad.url(`/redirect/${redirects[at % redirects.length]}/${at}`)),
    broken('410', (at) => bad.url(`/status/410,204/gone-${at}`), { attempts: 1 }),
    well('slow body', (at) => bad.url(`/slow-body/${at}`)),
    well('huge body', (at) => bad.url(`/huge/200/${at}`)),
    broken('huge body of a 500', (at) => bad.url(`/huge/500/${at}`)),
    broken('huge head', (at) => bad.url(`/huge-head/${at}`)),
    broken('no HTTP', (at) => bad.url(`/garbage/${at}`)),
    broken('reset', (at) => bad.url(`/reset/${at}`)),
    broken('nobody there', (at) => `http://127.0.0.1:${bad.closed}/${at}`),
    broken('no HTTP from the start', (at) => `http://127.0.0.1:${bad.garbage}/${at}`),
    broken('garbage in place of TLS', (at) => `https://127.0.0.1:${bad.garbage}/${at}`),
  ]
}
