import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { IdempotentCall } from '../engine/face.ts'
import type { RequestHeaders } from './message.ts'

const documentation = 'docs/reference/http.md#idempotency-key'

/**
 * The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header-07, 2): a quoted string, or bare as many clients
 * send it; 1 to 255 visible ASCII characters and spaces.
 * @returns undefined where there is none
 * @throws CoatcheckError `IDEMPOTENCY_KEY_INVALID`, `IDEMPOTENCY_KEY_REQUIRED`
 */
export function readIdempotencyKey(
  headers: RequestHeaders,
  definition: Definition,
  { idempotency }: ServiceSettings,
): string | undefined {
  const value = headers.get('idempotency-key')
  if (value === null) {
    if (!idempotency.required) return undefined
    throw new CoatcheckError(
      'IDEMPOTENCY_KEY_REQUIRED',
      `${definition.name} needs an Idempotency-Key; make one for each request, such as a UUID, and send it again with each repetition (${documentation})`,
    )
  }
  const key = unquote(value.trim())
  if (key !== undefined && /^[\x20-\x7e]{1,255}$/.test(key)) return key
  throw new CoatcheckError(
    'IDEMPOTENCY_KEY_INVALID',
    `the Idempotency-Key is ${showValue(value)}; send one string of 1 to 255 visible ASCII characters, such as "8e03978e-40d5-43e8-bc93-6894a57f9324"`,
  )
}

/** A string of Structured Fields (RFC 9651, 3.3.3), or a bare key without anything that would make it a list or have parameters. */
function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/.test(value) ? value : undefined
  const [, inner] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value) ?? []
  return inner?.replaceAll(/\\(["\\])/g, '$1')
}

/** What is one call. Two callers never share a key, nor do two services. */
export function callOf(
  key: string,
  caller: string,
  definition: Definition,
  { idempotency }: ServiceSettings,
): IdempotentCall {
  return { scope: `${definition.id} ${caller}`, key, keptMs: idempotency.keptMs }
}
