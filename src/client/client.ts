/**
 * The subpath `coatcheck/client`: calls services over HTTP, typed by the application. It imports nothing of Node.
 */
import { toMs, type Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import type { QueueItemId } from '../base/ids.ts'
import { readRetryAfter } from '../base/retry-after.ts'
import { showValue } from '../base/shown-value.ts'
import { unknownOption } from '../base/suggestion.ts'
import { QueuedRequestError } from '../define/outcome.ts'
import { failureOf, isGood, isTicket, jsonOf, textOf, type Answer } from './answer.ts'
import { followItem } from './event-stream.ts'
import { checkHeader } from './header.ts'
import type { ItemStatus } from './item-status.ts'
import { pause } from './pause.ts'
import { createSender, longestPauseMs, type SenderOptions } from './sender.ts'
import type { ServiceInput, ServiceName, ServiceResult } from './service-types.ts'

export { CallFailedError, type ProblemDetails } from './call-failed.ts'
export type { ItemStatus } from './item-status.ts'
export type { ServiceInput, ServiceName, ServiceResult } from './service-types.ts'
export { isQueuedRequest, QueuedRequestError } from '../define/outcome.ts'

export interface ClientOptions<App> extends SenderOptions {
  /** The name of the application that declares the services: the step of their paths after `/services`. */
  readonly application: string
  /** Paths below `baseUrl` of services that have one of their own (`http.path`), or are of another application. */
  readonly paths?: { readonly [Name in ServiceName<App>]?: string }
}

export interface CallOptions {
  /**
   * Makes it safe to send the request again: it is sent up to `retries` times more where no answer came or the service is busy. 1 to
   * 255 visible ASCII characters.
   */
  readonly idempotencyKey?: string
  /** Where to post the outcome when a queued request has ended. */
  readonly callbackUrl?: string
  /** Follows the work across systems; the node makes one unless set. */
  readonly correlationId?: string
  /** Have it queued, also by an immediate service. */
  readonly respondAsync?: boolean
  /** How long a service that queues may take to answer with the result all the same, at most 60 s: 0 unless set. */
  readonly wait?: Duration
  readonly signal?: AbortSignal
}

/** Calls services of an application. */
export interface Client<App> {
  /**
   * Calls a service.
   * @throws QueuedRequestError where the request was queued: fetch its result with the id
   * @throws CallFailedError with the code of the problem, else
   */
  call<Name extends ServiceName<App>>(
    name: Name,
    input: ServiceInput<App, Name>,
    options?: CallOptions,
  ): Promise<ServiceResult<App, Name>>
  /**
   * Calls a service, and where the request is queued waits for its result.
   * @param options.wait how long in all: 5 minutes unless set
   * @throws QueuedRequestError where it has not ended by then
   * @throws CallFailedError with the `queueItemId` of the item, where it had been queued by then
   */
  callAndWait<Name extends ServiceName<App>>(
    name: Name,
    input: ServiceInput<App, Name>,
    options?: CallOptions,
  ): Promise<ServiceResult<App, Name>>
  /**
   * The result of a queue item.
   * @param options.wait how long to wait for its end: 0 unless set
   * @throws QueuedRequestError where it has not ended in time
   * @throws CallFailedError with what the service failed with; `ITEM_CANCELLED`, `ITEM_NOT_FOUND`, `ITEM_EXPIRED`
   */
  result<Result = unknown>(
    id: QueueItemId<Result> | string,
    options?: { readonly wait?: Duration; readonly signal?: AbortSignal },
  ): Promise<Result>
  /** How a queue item stands; undefined where there is none (any more), or it is not yours. */
  item(id: string, options?: { readonly signal?: AbortSignal }): Promise<ItemStatus | undefined>
  /**
   * Cancels a queue item.
   * @returns `cancelled`, or `requested` where its running attempt was told to stop
   * @throws CallFailedError `ACT_REFUSED` where it had ended
   */
  cancel(id: string, options?: { readonly signal?: AbortSignal }): Promise<'cancelled' | 'requested'>
  /**
   * How a queue item stands, at once and after each change, until it has ended. Connections that are lost or silent for 45 s are made
   * again, until 12 attempts in a row have failed or the signal is aborted.
   * @throws CallFailedError
   */
  events(id: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<ItemStatus>
}

const known: readonly (keyof ClientOptions<unknown>)[] = [
  'baseUrl',
  'application',
  'token',
  'headers',
  'timeout',
  'retries',
  'paths',
  'fetch',
]
const knownOfCall: readonly (keyof CallOptions)[] = [
  'idempotencyKey',
  'callbackUrl',
  'correlationId',
  'respondAsync',
  'wait',
  'signal',
]

/** The longest wait that one request may ask for. */
const longestWaitMs = 60_000

/**
 * Makes a client of the services of an application, typed by it alone: none of its code is loaded.
 * @throws CoatcheckError `OPTION_INVALID`
 * @example
 * import type { app } from './app.ts'
 * const client = createClient<typeof app>({ baseUrl: 'https://hr.example.com', application: 'hr', token })
 * const { account } = await client.callAndWait('hire-worker', { employeeId: '42' }, { idempotencyKey: request.id })
 */
export function createClient<App>(options: ClientOptions<App>): Client<App> {
  checkNames(options, known)
  const { send, open, url } = createSender(options)
  const { application } = options
  if (typeof application !== 'string' || application === '')
    throw new CoatcheckError(
      'OPTION_INVALID',
      `application is ${showValue(application)}; give the name of the application that declares the services`,
    )
  const paths = (options.paths ?? {}) as Readonly<Record<string, string | undefined>>

  async function call(name: string, input: unknown, given: CallOptions): Promise<unknown> {
    checkNames(given, knownOfCall)
    const waitMs = given.wait === undefined ? undefined : Math.min(toMs(given.wait, 'wait'), longestWaitMs)
    const prefer = [
      ...(given.respondAsync ? ['respond-async'] : []),
      ...(waitMs === undefined ? [] : [`wait=${Math.ceil(waitMs / 1_000)}`]),
    ].join(', ')
    const answer = await send(
      url(
        (Object.hasOwn(paths, name) && paths[name]) ||
          `/services/${encodeURIComponent(application)}/${encodeURIComponent(name)}`,
      ),
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(prefer !== '' && { prefer }),
          ...headersOf(given),
        },
        body: writeInput(name, input),
      },
      { signal: given.signal, waitMs, isSafe: given.idempotencyKey !== undefined },
    )
    return readResult(answer)
  }

  async function result(id: string, wait: Duration, signal: AbortSignal | undefined): Promise<unknown> {
    const until = performance.now() + toMs(wait, 'wait')
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(until - performance.now()))
      const waitMs = Math.min(leftMs, longestWaitMs)
      const query = waitMs > 0 ? `?wait=${waitMs}ms` : ''
      const place = url(`/queue-items/${encodeURIComponent(id)}/result${query}`)
      const askedAt = performance.now()
      const answer = await send(place, { method: 'GET' }, { signal, waitMs, isSafe: true, queueItemId: id })
      const restMs = until - performance.now()
      if (!isTicket(answer) || restMs <= 0) return readResult(answer)
      // sent away before its time, as by a node that stops: it would be again
      if (performance.now() - askedAt < waitMs) await pause(Math.min(restMs, patienceOf(answer)), signal)
    }
  }

  return Object.freeze<Client<App>>({
    call: (name, input, given = {}) => call(name, input, given) as never,
    callAndWait: async (name, input, given = {}) => {
      const wait = given.wait ?? '5 minutes'
      const until = performance.now() + toMs(wait, 'wait')
      try {
        return (await call(name, input, { ...given, wait })) as never
      } catch (error) {
        if (!(error instanceof QueuedRequestError)) throw error
        return (await result(
          error.queueItemId,
          Math.max(0, until - performance.now()),
          given.signal,
        )) as never
      }
    },
    result: (id, { wait = 0, signal } = {}) => result(id, wait, signal) as never,
    item: async (id, { signal } = {}) => {
      const place = url(`/queue-items/${encodeURIComponent(id)}`)
      const answer = await send(place, { method: 'GET' }, { signal, isSafe: true, queueItemId: id })
      if (answer.status === 404 || answer.status === 410) return undefined
      if (!isGood(answer)) throw failureOf(answer)
      return jsonOf(answer) as ItemStatus
    },
    cancel: async (id, { signal } = {}) => {
      const place = url(`/queue-items/${encodeURIComponent(id)}`)
      const answer = await send(place, { method: 'DELETE' }, { signal, isSafe: true, queueItemId: id })
      if (answer.status !== 204 && answer.status !== 202) throw failureOf(answer)
      return answer.status === 204 ? 'cancelled' : 'requested'
    },
    events: (id, { signal } = {}) =>
      followItem(open, url(`/queue-items/${encodeURIComponent(id)}/events`), signal),
  })
}

/** A misspelt option would be as good as none: a request without its idempotency key. */
function checkNames(options: object, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `the options are ${showValue(options)}; give an object with ${names.join(', ')}`,
    )
  for (const name of Object.keys(options))
    if (!names.includes(name)) throw new CoatcheckError('OPTION_INVALID', unknownOption(name, names))
}

/** How long to wait before an item is asked for again: a second unless the answer says, within bounds. */
function patienceOf({ headers }: Answer): number {
  return Math.min(Math.max(readRetryAfter(headers.get('retry-after')) ?? 1_000, 200), longestPauseMs)
}

/** @throws CoatcheckError `OPTION_INVALID` where no header can carry one of them */
function headersOf({ idempotencyKey, callbackUrl, correlationId }: CallOptions): Record<string, string> {
  if (idempotencyKey !== undefined) checkKey(idempotencyKey)
  if (correlationId !== undefined) checkHeader('correlationId', correlationId, 200)
  const callback = callbackUrl === undefined ? undefined : URL.parse(callbackUrl)
  if (callback === null)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `callbackUrl is ${showValue(callbackUrl)}; give where to post the outcome, such as 'https://me.example.com/outcomes'`,
    )
  return {
    ...(idempotencyKey !== undefined && {
      'idempotency-key': `"${idempotencyKey.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
    }),
    ...(callback && { 'callback-url': callback.href }),
    ...(correlationId !== undefined && { 'x-correlation-id': correlationId }),
  }
}

/** In quotes, spaces may stand anywhere. */
function checkKey(key: string): void {
  if (typeof key === 'string' && /^[\x20-\x7e]{1,255}$/.test(key)) return
  throw new CoatcheckError(
    'OPTION_INVALID',
    `idempotencyKey is ${showValue(key)}; give 1 to 255 visible ASCII characters, such as a UUID`,
  )
}

/** @throws CoatcheckError `PAYLOAD_NOT_JSON` */
function writeInput(name: string, input: unknown): string {
  let problem: unknown
  try {
    const text = JSON.stringify(input) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    problem = error
  }
  throw new CoatcheckError(
    'PAYLOAD_NOT_JSON',
    `the input of ${name} is ${showValue(input)}, which cannot be written as JSON${problem instanceof Error ? `: ${problem.message}` : ''}`,
    ...(problem === undefined ? [] : [{ cause: problem }]),
  )
}

/** @throws QueuedRequestError, CallFailedError */
function readResult(answer: Answer): unknown {
  if (isTicket(answer)) throw new QueuedRequestError((jsonOf(answer) as { id: string }).id)
  if (!isGood(answer)) throw failureOf(answer)
  const type = answer.headers.get('content-type') ?? ''
  if (/^application\/(?:[\w.!#$&^-]+\+)?json\b/i.test(type))
    return answer.bytes.length === 0 ? undefined : jsonOf(answer)
  if (/^(?:text\/|application\/(?:[\w.-]+\+)?xml\b)/i.test(type)) return textOf(answer)
  return answer.bytes.length === 0 ? undefined : answer.bytes
}
