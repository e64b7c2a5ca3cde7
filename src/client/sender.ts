import { toMs, type Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { readRetryAfter } from '../base/retry-after.ts'
import { showValue } from '../base/shown-value.ts'
import { CallFailedError } from './call-failed.ts'
import { pause } from './pause.ts'

/** How requests are sent. */
export interface SenderOptions {
  /** Where the node answers, with its base path: `https://hr.example.com/integration`. */
  readonly baseUrl: string | URL
  /** Sent as `Authorization: Bearer …`: an API key or a token; a function is asked before each request. */
  readonly token?: string | (() => string | Promise<string>)
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** How long an answer may take beside what the request waits for: 1 ms to 1 hour; 30 s unless set. */
  readonly timeout?: Duration
  /** How often a request is sent again that can be: 0–10; 3 unless set. After as long as `Retry-After` says, else 0.2 s, doubled. */
  readonly retries?: number
  /** In place of the global `fetch`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined
  /** How long the request itself asks to wait. */
  readonly waitMs?: number | undefined
  /** Whether it may be sent again. */
  readonly isSafe: boolean
}

export type Send = (url: string, init: RequestInit, options: SendOptions) => Promise<Response>

const firstPauseMs = 200
/** A server that asks for more is not waited for. */
export const longestPauseMs = 30_000
/** Answers after which the same request may be answered otherwise. */
export const passing = new Set([429, 502, 503, 504])

/** @throws CoatcheckError `OPTION_INVALID` */
export function createSender(options: SenderOptions): { send: Send; url: (path: string) => string } {
  const base = readBaseUrl(options.baseUrl)
  const timeoutMs = toMs(options.timeout ?? '30s', 'timeout')
  const retries = options.retries ?? 3
  if (!Number.isInteger(retries) || retries < 0 || retries > 10)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `retries is ${showValue(retries)}; give a whole number from 0 to 10`,
    )
  const fetchOnce = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init))

  async function sendOnce(url: string, init: RequestInit, more: SendOptions): Promise<Response> {
    const { token } = options
    const bearer = typeof token === 'function' ? await token() : token
    const headers = {
      ...options.headers,
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(init.headers as Record<string, string> | undefined),
    }
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), timeoutMs + (more.waitMs ?? 0))
    const signal = more.signal ? AbortSignal.any([more.signal, limit.signal]) : limit.signal
    try {
      return await fetchOnce(url, { ...init, headers, signal, redirect: 'error' })
    } catch (error) {
      // Whoever gave the signal knows why.
      if (more.signal?.aborted) throw error
      const path = new URL(url).pathname
      if (limit.signal.aborted)
        throw new CallFailedError({
          code: 'TIMEOUT',
          detail: `${path} did not answer within ${timeoutMs + (more.waitMs ?? 0)} ms`,
          cause: error,
        })
      throw new CallFailedError({
        code: 'CONNECTION_FAILED',
        detail: `${path} could not be reached: ${describe(error)}`,
        cause: error,
      })
    } finally {
      clearTimeout(timer)
    }
  }

  async function send(url: string, init: RequestInit, more: SendOptions): Promise<Response> {
    for (let sent = 1; ; sent++) {
      const last = !more.isSafe || sent > retries
      const response = await sendOnce(url, init, more).catch((error: unknown) => {
        if (last || !(error instanceof CallFailedError)) throw error
        return undefined
      })
      if (response && (last || !(await isPassing(response)))) return response
      const pauseMs = readRetryAfter(response?.headers.get('retry-after')) ?? firstPauseMs * 2 ** (sent - 1)
      if (response && pauseMs > longestPauseMs) return response
      await response?.body?.cancel()
      await pause(pauseMs, more.signal)
    }
  }

  return { send, url: (path) => `${base}${path}` }
}

/** 409 also where the first request under the same key still runs; the service's own 409 stays. */
async function isPassing(response: Response): Promise<boolean> {
  if (passing.has(response.status)) return !response.headers.has('coatcheck-item-state')
  if (response.status !== 409 || !response.headers.has('retry-after')) return false
  const body = (await response
    .clone()
    .json()
    .catch(() => ({}))) as { code?: unknown }
  return body.code === 'IDEMPOTENCY_KEY_IN_USE'
}

function readBaseUrl(given: string | URL): string {
  const url = URL.parse(String(given))
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '')
    return url.href.replace(/\/+$/, '')
  throw new CoatcheckError(
    'OPTION_INVALID',
    `baseUrl is ${showValue(given)}; give where the node answers, such as 'https://hr.example.com/integration'`,
  )
}

/** What fetch failed with is in its cause. */
function describe(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause
  const told = cause instanceof Error && cause.message !== '' ? cause : error
  return told instanceof Error ? told.message : String(told)
}
