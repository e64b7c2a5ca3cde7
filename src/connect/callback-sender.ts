import { randomBytes } from 'node:crypto'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { readRetryAfter } from '../base/retry-after.ts'
import { packageVersion } from '../base/version.ts'
import type { HandlerContext } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import { toFailure } from '../define/failure.ts'
import { Reject, RetryLater } from '../define/outcome.ts'
import { callbackDefinition, type CallbackInput } from '../engine/callback-item.ts'
import { backOff } from '../engine/execute.ts'
import type { CheckedCallbacks } from './callback-options.ts'
import { postOutside, type OutboundAnswer } from './outbound-call.ts'
import { createOutboundGuard, type OutboundGuard } from './outbound-guard.ts'
import { signWebhook } from './webhook-signature.ts'

/** What an attempt came to, as the item's log and its result have it. */
export interface CallbackReceipt {
  readonly status: number
  readonly durationMs: number
}

/** Makes the `data` of a callback: the item as its status shows it, with its result. */
export type DescribeEnding = (input: CallbackInput, endedAt: Date) => object

export interface Callbacks {
  readonly guard: OutboundGuard
  /** The built-in queue processor with its handler. */
  readonly definition: Definition
}

/** A receiver that asks for more patience than that is asked again after it. */
const maxRetryAfterMs = 86_400_000
/** Answers by which a receiver asks for patience. */
const throttling = new Set([429, 502, 503, 504])

/** Makes what posts callbacks. */
export function createCallbacks(options: CheckedCallbacks, describe: DescribeEnding): Callbacks {
  const { allow, ports, retry } = options
  const guard = createOutboundGuard({ allow, ports })
  const run = (input: unknown, ctx: HandlerContext): Promise<CallbackReceipt> =>
    sendCallback(input as CallbackInput, ctx, { options, describe, guard })
  return { guard, definition: Object.freeze({ ...callbackDefinition, retry, run }) }
}

interface Sender {
  readonly options: CheckedCallbacks
  readonly describe: DescribeEnding
  readonly guard: OutboundGuard
}

/** One attempt. Each leaves a line in the item's log: the status and how long it took, or why there is none. */
async function sendCallback(
  input: CallbackInput,
  ctx: HandlerContext,
  sender: Sender,
): Promise<CallbackReceipt> {
  const { options, guard } = sender
  const { url } = input
  // The path and the query of a callback URL often hold a secret of the receiver's.
  const receiver = new URL(url).origin
  const body = writeBody(input, ctx.item.enqueuedAt, sender)
  const began = performance.now()
  const duration = (): number => Math.round(performance.now() - began)
  let answer: OutboundAnswer
  try {
    const headers = headersOf(body, ctx, options.secrets)
    answer = await postOutside(guard, {
      url,
      headers,
      body,
      timeoutMs: options.timeoutMs,
      signal: ctx.signal,
    })
  } catch (error) {
    const told = describeError(error, url)
    ctx.log(`${receiver}: ${told}`, { durationMs: duration(), error: told })
    if (isCoatcheckError(error, 'OUTBOUND_REFUSED'))
      throw new CoatcheckError('OUTBOUND_REFUSED', `${receiver}: ${told}`)
    throw new CoatcheckError('CALLBACK_FAILED', `${receiver}: ${told}`)
  }
  const receipt = { status: answer.status, durationMs: duration() }
  ctx.log(`${receiver} answered ${answer.status}`, receipt)
  if (answer.status >= 200 && answer.status < 300) return receipt
  throw failureOf(receiver, answer, ctx, options)
}

function failureOf(
  receiver: string,
  { status, retryAfter }: OutboundAnswer,
  { attempt }: HandlerContext,
  { retry }: CheckedCallbacks,
): Error {
  if (status === 410) return new Reject(`${receiver} answered 410: it takes no callbacks any more`)
  const told = `${receiver} answered ${status}`
  const askedMs = throttling.has(status) ? readRetryAfter(retryAfter) : undefined
  if (askedMs === undefined || attempt >= retry.maxAttempts)
    return new CoatcheckError('CALLBACK_FAILED', told)
  // It may ask for more time than the schedule gives, never for less.
  const after = Math.max(Math.min(askedMs, maxRetryAfterMs), backOff(retry, attempt))
  return new RetryLater(`${told} and asks to wait ${Math.ceil(askedMs / 1000)} s`, { after })
}

/** What receivers get, the same each time: with the result, or, where that is too long, with its link alone. */
function writeBody(input: CallbackInput, endedAt: Date, { options, describe }: Sender): string {
  const { ending, result } = input
  const write = (data: object): string =>
    JSON.stringify({ type: `queue-item.${ending.state}`, timestamp: endedAt.toISOString(), data })
  const whole = write(describe(input, endedAt))
  if (result === undefined || Buffer.byteLength(whole) <= options.maxBodyBytes) return whole
  const { result: _result, ...rest } = input
  return write(describe({ ...rest, ending: { ...ending, isResultLeftOut: true } }, endedAt))
}

function headersOf(
  body: string,
  { item }: HandlerContext,
  secrets: readonly string[],
): Record<string, string> {
  const seconds = Math.floor(Date.now() / 1000)
  return {
    'content-type': 'application/json',
    'user-agent': `Coatcheck/${packageVersion}`,
    'webhook-id': item.id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signWebhook(secrets, { id: item.id, seconds, body }),
    traceparent: nextSpan(item.context.traceparent),
  }
}

/** What version 00 has flags for: sampled, and random of Level 2. All others are sent as 0. */
const knownFlags = 0x03

/** W3C Trace Context: a span of its own for each attempt, in the trace of who asked for the item. */
function nextSpan(traceparent: string | undefined): string {
  const [, trace = randomBytes(16).toString('hex'), flags = '00'] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})/.exec(traceparent ?? '') ?? []
  const sent = (Number.parseInt(flags, 16) & knownFlags).toString(16).padStart(2, '0')
  return `00-${trace}-${randomBytes(8).toString('hex')}-${sent}`
}

/** In a sentence, without the rest of the URL: of what libraries say, the first line. */
function describeError(error: unknown, url: string): string {
  const { code, message } = toFailure(error)
  const { pathname, search } = new URL(url)
  const rest = `${pathname}${search}`
  const line = (message.split('\n')[0] ?? '').slice(0, 300)
  const safe = rest.length > 1 ? line.replaceAll(rest, '…') : line
  return code === 'HANDLER_FAILED' ? safe : `${code}: ${safe}`
}
