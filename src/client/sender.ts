import { toMs, type Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { readRetryAfter } from '../base/retry-after.ts'
import { showValue } from '../base/shown-value.ts'
import { jsonOf, readAnswer, type Answer } from './answer.ts'
import { CallFailedError } from './call-failed.ts'
import { checkHeader } from './header.ts'
import { pause } from './pause.ts'

/** How requests are sent. */
export interface SenderOptions {
  /** Where the node answers, with its base path: `https://hr.example.com/integration`. */
  readonly baseUrl: string | URL
  /** Sent as `Authorization: Bearer …`: an API key or a token; a function is asked before each request. */
  readonly token?: string | (() => string | Promise<string>)
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * How long an answer may take to begin, beside what the request waits for, and how long nothing more of it may come: 1 ms to
   * 1 hour; 30 s unless set.
   */
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
  /** The queue item that it is about: told with a failure. */
  readonly queueItemId?: string | undefined
}

/** How requests go out, again where they may. */
export interface Sender {
  /** @returns the answer, read to its end */
  readonly send: (url: string, init: RequestInit, options: SendOptions) => Promise<Answer>
  /** @returns an answer that goes on for as long as it likes, or that failed */
  readonly open: (url: string, init: RequestInit, options: SendOptions) => Promise<Response>
  readonly url: (path: string) => string
}

const firstPauseMs = 200
const longestTimeoutMs = 3_600_000
/** A server that asks for more is not waited for. */
export const longestPauseMs = 30_000
/** Answers after which the same request may be answered otherwise. */
export const passing = new Set([429, 502, 503, 504])

/** @throws CoatcheckError `OPTION_INVALID` */
export function createSender(options: SenderOptions): Sender {
  const base = readBaseUrl(options.baseUrl)
  const timeoutMs = readTimeout(options.timeout ?? '30s')
  const retries = options.retries ?? 3
  if (!Number.isInteger(retries) || retries < 0 || retries > 10)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `retries is ${showValue(retries)}; give a whole number from 0 to 10`,
    )
  const given = readHeaders(options.headers ?? {})
  if (typeof options.token === 'string') checkHeader('token', options.token)
  const fetchOnce = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init))

  async function headersOf(init: RequestInit): Promise<Record<string, string>> {
    const { token } = options
    const bearer = typeof token === 'function' ? await token() : token
    if (bearer !== undefined) checkHeader('token', bearer)
    // By their names in small letters, so that one of the request takes the place of one that is sent with every request.
    return {
      ...given,
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(init.headers as Record<string, string> | undefined),
    }
  }

  async function sendOnce<Read>(
    url: string,
    init: RequestInit,
    more: SendOptions,
    read: (response: Response, onPiece: () => void) => Promise<Read>,
  ): Promise<Read> {
    const headers = await headersOf(init)
    const limit = new AbortController()
    let waitMs = timeoutMs + (more.waitMs ?? 0)
    let timer = setTimeout(() => limit.abort(), waitMs)
    const onPiece = (): void => {
      clearTimeout(timer)
      waitMs = timeoutMs
      timer = setTimeout(() => limit.abort(), waitMs)
    }
    const signal = more.signal ? AbortSignal.any([more.signal, limit.signal]) : limit.signal
    let hasBegun = false
    try {
      const response = await fetchOnce(url, { ...init, headers, signal, redirect: 'error' })
      hasBegun = true
      onPiece()
      return await read(response, onPiece)
    } catch (error) {
      // Whoever gave the signal knows why.
      if (more.signal?.aborted) throw error
      const { pathname } = new URL(url)
      const { queueItemId } = more
      const isOver = limit.signal.aborted
      const late = `${pathname} ${hasBegun ? 'began to answer and then said nothing more for' : 'did not answer within'} ${waitMs} ms`
      const broken = `${pathname} ${hasBegun ? 'broke off its answer' : 'could not be reached'}: ${describe(error)}`
      throw new CallFailedError({
        code: isOver ? 'TIMEOUT' : 'CONNECTION_FAILED',
        detail: isOver ? late : broken,
        queueItemId,
        cause: error,
      })
    } finally {
      clearTimeout(timer)
    }
  }

  async function sendAgain<Read extends { readonly status: number; readonly headers: Headers }>(
    [url, init, more]: Parameters<Sender['send']>,
    read: (response: Response, onPiece: () => void) => Promise<Read>,
    mayPass: (answer: Read) => boolean,
    leave: (answer: Read) => unknown = () => {},
  ): Promise<Read> {
    for (let sent = 1; ; sent++) {
      const last = !more.isSafe || sent > retries
      const answer = await sendOnce(url, init, more, read).catch((error: unknown) => {
        if (last || !(error instanceof CallFailedError)) throw error
        return undefined
      })
      if (answer && (last || !mayPass(answer))) return answer
      const pauseMs = readRetryAfter(answer?.headers.get('retry-after')) ?? firstPauseMs * 2 ** (sent - 1)
      if (answer && pauseMs > longestPauseMs) return answer
      if (answer) await leave(answer)
      await pause(pauseMs, more.signal)
    }
  }

  return {
    send: (...request) =>
      sendAgain(
        request,
        (response, onPiece) => readAnswer(response, request[2].queueItemId, onPiece),
        isPassing,
      ),
    open: (...request) =>
      sendAgain(
        request,
        async (response) => response,
        ({ status }) => passing.has(status),
        ({ body }) => body?.cancel(),
      ),
    url: (path) => `${base}${path}`,
  }
}

/** 409 also where the first request under the same key still runs; the service's own 409 stays. */
function isPassing(answer: Answer): boolean {
  if (passing.has(answer.status)) return !answer.headers.has('coatcheck-item-state')
  if (answer.status !== 409 || !answer.headers.has('retry-after')) return false
  try {
    return (jsonOf(answer) as { code?: unknown } | null)?.code === 'IDEMPOTENCY_KEY_IN_USE'
  } catch {
    return false
  }
}

function readTimeout(given: Duration): number {
  const timeoutMs = toMs(given, 'timeout')
  if (timeoutMs >= 1 && timeoutMs <= longestTimeoutMs) return timeoutMs
  throw new CoatcheckError('OPTION_INVALID', `timeout is ${showValue(given)}; give 1 ms to 1 hour`)
}

/** By their names in small letters. */
function readHeaders(given: Readonly<Record<string, string>>): Record<string, string> {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given)) {
    checkHeader(`headers[${JSON.stringify(name)}]`, value)
    try {
      headers.append(name, value)
    } catch {
      throw new CoatcheckError(
        'OPTION_INVALID',
        `headers has ${showValue(name)}, which is no name of a header; give one such as 'x-tenant'`,
      )
    }
  }
  return Object.fromEntries(headers)
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
