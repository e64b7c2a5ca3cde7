import { CoatcheckError } from '../base/errors.ts'
import type { Report } from './problem.ts'

export interface IssuerKeysOptions<Keys> {
  readonly issuer: string
  /** Where its keys are; unset: where its OpenID configuration says. */
  readonly jwksUri?: string
  /** Makes a JSON Web Key Set usable; throws where it is none. */
  readonly read: (keySet: unknown) => Keys
  /** Told why keys could not be fetched. */
  readonly report: Report
  /** Milliseconds that only grow. */
  readonly now: () => number
}

interface Fetched<Keys> {
  readonly keys: Keys
  readonly at: number
}

const freshMs = 10 * 60_000
/** From that age on they are fetched while they are still good, so that nobody waits for it. */
const aheadMs = 8 * 60_000
/** Keys that cannot be fetched again are good for so long. */
const usableMs = 24 * 3_600_000
/** Between two fetches, whatever callers send. */
const coolDownMs = 30_000
const failedCoolDownMs = 5_000
const timeoutMs = 3_000
const maxBytes = 512 * 1024

/** The public keys of an issuer of tokens, fetched when they are asked for and kept. */
export class IssuerKeys<Keys> {
  readonly #options: IssuerKeysOptions<Keys>
  #fetched: Fetched<Keys> | undefined
  #fetching: Promise<Keys> | undefined
  #triedAt = -Infinity
  #hasFailed = false

  constructor(options: IssuerKeysOptions<Keys>) {
    this.#options = options
  }

  /**
   * The keys; for up to a day the last known ones, while the issuer does not answer.
   * @throws CoatcheckError `ISSUER_UNREACHABLE`
   */
  async current(): Promise<Keys> {
    const fetched = this.#fetched
    if (!fetched) return this.#fetchSparingly()
    const ageMs = this.#options.now() - fetched.at
    if (ageMs < aheadMs) return fetched.keys
    // an issuer that hangs holds up nobody whose key is known
    if (ageMs < (this.#hasFailed ? usableMs : freshMs)) {
      this.#fetchMeanwhile()
      return fetched.keys
    }
    try {
      return await this.#fetchSparingly()
    } catch (error) {
      if (ageMs < usableMs) return fetched.keys
      throw error
    }
  }

  /**
   * Newer keys, when a token names one that is not among those: the issuer may have changed them.
   * @returns undefined where they were fetched only just now
   * @throws CoatcheckError `ISSUER_UNREACHABLE`
   */
  async newerThan(keys: Keys): Promise<Keys | undefined> {
    if (this.#fetched && this.#fetched.keys !== keys) return this.#fetched.keys
    return !this.#hasFailed && this.#restMs() > 0 ? undefined : this.#fetchSparingly()
  }

  /** How long not to ask the issuer again. */
  #restMs(): number {
    return this.#triedAt + (this.#hasFailed ? failedCoolDownMs : coolDownMs) - this.#options.now()
  }

  /** Why it failed is reported; the next who needs other keys is told. */
  #fetchMeanwhile(): void {
    if (this.#fetching || (this.#hasFailed && this.#restMs() > 0)) return
    this.#fetchSparingly().catch(() => undefined)
  }

  #fetchSparingly(): Promise<Keys> {
    if (this.#fetching) return this.#fetching
    const restMs = this.#restMs()
    if (this.#hasFailed && restMs > 0) return Promise.reject(this.#unreachable(restMs))
    const fetching = this.#fetch().finally(() => (this.#fetching = undefined))
    this.#fetching = fetching
    return fetching
  }

  async #fetch(): Promise<Keys> {
    const { issuer, read, report, now } = this.#options
    try {
      const uri = this.#options.jwksUri ?? (await discover(issuer))
      const keys = read(await fetchJson(uri))
      this.#fetched = { keys, at: now() }
      this.#hasFailed = false
      return keys
    } catch (error) {
      this.#hasFailed = true
      report(error)
      throw this.#unreachable(failedCoolDownMs, error)
    } finally {
      this.#triedAt = now()
    }
  }

  #unreachable(retryAfterMs: number, cause?: unknown): CoatcheckError {
    return new CoatcheckError(
      'ISSUER_UNREACHABLE',
      `the keys of ${this.#options.issuer} cannot be had just now, so its tokens cannot be checked`,
      { retryAfterMs, cause },
    )
  }
}

/** Where the keys of an issuer are. */
async function discover(issuer: string): Promise<string> {
  return endpointIn(await readConfiguration(issuer), 'jwks_uri', issuer)
}

/** What an issuer says of itself (OpenID Connect Discovery 1.0, 4). @throws Error that says what is wrong with it */
export async function readConfiguration(issuer: string): Promise<Readonly<Record<string, unknown>>> {
  const uri = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const configuration = await fetchJson(uri)
  if (configuration['issuer'] === issuer) return configuration
  throw new Error(`${uri} is the configuration of another issuer than ${issuer}`)
}

/** A URL in an issuer's configuration. @throws Error where there is none that can be trusted */
export function endpointIn(
  configuration: Readonly<Record<string, unknown>>,
  name: string,
  issuer: string,
): string {
  const url = configuration[name]
  if (typeof url === 'string' && isSafeUrl(url) && (!isHttps(issuer) || isHttps(url))) return url
  throw new Error(`the configuration of ${issuer} names no ${name} that begins with https://`)
}

/**
 * Asks an issuer for a document.
 * @param init what is sent, where that is more than the question
 * @throws Error that says what went wrong
 */
export async function fetchJson(
  uri: string,
  init: {
    readonly method?: string
    readonly body?: URLSearchParams
    readonly headers?: Record<string, string>
  } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    // a redirect would take the trust elsewhere
    const headers = { accept: 'application/json', ...init.headers }
    const answer = await fetch(uri, { ...init, signal, redirect: 'error', headers })
    const text = await readAtMost(answer, maxBytes)
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`)
    const value = JSON.parse(text) as unknown
    if (typeof value !== 'object' || value === null) throw new Error('it answered no JSON object')
    return value as Record<string, unknown>
  } catch (error) {
    throw new Error(`${uri} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

/** `fetch failed` says nothing; what is behind it does. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message !== '' ? cause.message : message
}

async function readAtMost(answer: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > limit) throw new Error(`it answered more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Whether keys and tokens may be trusted to what is at a URL: https, or this machine itself. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackName(hostname))
}

function isHttps(text: string): boolean {
  return new URL(text).protocol === 'https:'
}

function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
