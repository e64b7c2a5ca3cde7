import { createHmac, timingSafeEqual } from 'node:crypto'
import { showNumber } from '../base/shown-value.ts'

/** Headers of a webhook: a `Headers`, or Node's `request.headers`. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

export interface VerifyWebhookOptions {
  /** How far the time of sending may be from `now`, in seconds; 300 unless set. */
  readonly toleranceSeconds?: number
  /** The time to compare with; now unless set. */
  readonly now?: Date
}

/** A webhook is not what it says: its signature, its time or its headers do not fit. Says which, never what was expected. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError'
}

/**
 * Checks that a webhook was sent by who has the secret, unaltered and just now (Standard Webhooks 1.0). That it is no repeat is
 * for the receiver to see: `webhook-id` is the same each time one is sent.
 * @param secrets `whsec_…`; one, or all that are in use while they are changed
 * @param body as it came, before anything parsed it
 * @returns the body, parsed
 * @throws WebhookVerificationError
 * @example
 * const webhook = verifyWebhook(process.env.WEBHOOK_SECRET!, request.headers, await text(request))
 * const { type, data } = z.object({ type: z.string(), data: z.unknown() }).parse(webhook)
 */
export function verifyWebhook(
  secrets: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  { toleranceSeconds = 300, now = new Date() }: VerifyWebhookOptions = {},
): unknown {
  const keys = (Array.isArray(secrets) ? secrets : [secrets]).map(keyOf)
  if (keys.length === 0) throw new TypeError('verifyWebhook takes at least one secret')
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError(
      'verifyWebhook takes the body as it came, as text or bytes; what was parsed and written again has another signature',
    )
  const id = headerOf(headers, 'webhook-id')
  const sentAt = headerOf(headers, 'webhook-timestamp')
  const given = headerOf(headers, 'webhook-signature')
  if (!/^\d{1,15}$/.test(sentAt))
    throw new WebhookVerificationError('webhook-timestamp is no number of seconds')
  // Written this way round, a time or a tolerance that is no number lets nothing through.
  if (!(Math.abs(now.getTime() / 1000 - Number(sentAt)) <= toleranceSeconds))
    throw new WebhookVerificationError(
      `webhook-timestamp is more than ${toleranceSeconds} seconds away from the time here`,
    )
  const text = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
  const expected = keys.map((key) => Buffer.from(digest(key, id, sentAt, text)))
  let fits = false
  for (const one of given.split(' ')) {
    if (!one.startsWith('v1,')) continue
    // As text: base64 can be read in more ways than it is written, and none of the others is what was signed.
    const signature = Buffer.from(one.slice(3))
    // All are compared, so that how long it takes tells nothing of which was near.
    for (const each of expected)
      if (signature.length === each.length && timingSafeEqual(signature, each)) fits = true
  }
  if (!fits) throw new WebhookVerificationError('webhook-signature does not fit')
  try {
    return JSON.parse(Buffer.from(text).toString('utf8')) as unknown
  } catch {
    throw new WebhookVerificationError('the body is not JSON')
  }
}

/** `webhook-signature`: one for each secret, so that receivers may change theirs at any time. */
export function signWebhook(
  secrets: readonly string[],
  { id, seconds, body }: { readonly id: string; readonly seconds: number; readonly body: string },
): string {
  return secrets
    .map((secret) => `v1,${digest(keyOf(secret), id, String(seconds), Buffer.from(body, 'utf8'))}`)
    .join(' ')
}

/** What is wrong with a secret, without showing it; undefined where nothing is. */
export function problemOfSecret(secret: unknown): string | undefined {
  if (typeof secret !== 'string')
    return `is no text, but ${secret === null || secret === undefined ? String(secret) : `a ${typeof secret}`}`
  if (!secret.startsWith('whsec_')) return 'does not begin with whsec_'
  const text = secret.slice('whsec_'.length)
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || Buffer.from(text, 'base64').toString('base64') !== text)
    return 'is not base64 after whsec_'
  const { length } = Buffer.from(text, 'base64')
  if (length < 24 || length > 64) return `has ${showNumber(length)} bytes; it takes 24 to 64`
  return undefined
}

function keyOf(secret: string): Buffer {
  const problem = problemOfSecret(secret)
  if (problem !== undefined)
    throw new TypeError(
      `a webhook secret ${problem}; make one: node -p "'whsec_' + crypto.randomBytes(32).toString('base64')"`,
    )
  return Buffer.from(secret.slice('whsec_'.length), 'base64')
}

function digest(key: Buffer, id: string, seconds: string, body: Uint8Array): string {
  return createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : recordOf(headers)[name]
  if (typeof value !== 'string' || value === '') throw new WebhookVerificationError(`${name} is missing`)
  return value
}

/** By names in lower case, as Node has them and others may not. */
function recordOf(headers: WebhookHeaders): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
