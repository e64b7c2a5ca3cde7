import { CoatcheckError } from '../base/errors.ts'
import { checkJsonText, ReadJson } from '../base/json.ts'
import { showNumber, showValue } from '../base/shown-value.ts'
import type { Definition } from '../define/definition.ts'
import type { HttpRequest } from './message.ts'

/**
 * The body of a request to a service, as JSON.
 * @throws CoatcheckError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `MALFORMED_JSON`, and what checks of JSON throw
 */
export async function readJsonBody(request: HttpRequest, definition: Definition): Promise<ReadJson> {
  const limits = { maxBytes: definition.maxPayloadBytes, what: `the body for ${definition.name}` }
  const text = decode(await readBytes(request, limits), limits)
  if (text === '') throw isEmpty(limits.what)
  return new ReadJson(text, limits)
}

interface BodyLimits {
  readonly maxBytes: number
  /** Begins the sentences of errors. */
  readonly what: string
}

/**
 * The body of a request, as a value.
 * @param limits one that is `optional` may be empty, and is undefined then
 * @throws CoatcheckError as `readJsonBody`
 */
export async function readJson(
  request: HttpRequest,
  limits: BodyLimits & { readonly optional?: boolean },
): Promise<unknown> {
  const text = decode(await readBytes(request, limits), limits)
  if (text !== '') return checkJsonText(text, limits)
  if (limits.optional) return undefined
  throw isEmpty(limits.what)
}

/** The body; empty where there is none, and undefined where it is too large. */
function readBytes(request: HttpRequest, { maxBytes, what }: BodyLimits): Promise<Uint8Array | undefined> {
  if (!request.mayHaveBody) throw isEmpty(what)
  checkMediaType(request, what)
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(what, maxBytes)
  return request.readBody(maxBytes)
}

function checkMediaType(request: HttpRequest, what: string): void {
  const type = request.headers.get('content-type')
  if (!type || !isJson(type))
    throw new CoatcheckError(
      'UNSUPPORTED_MEDIA_TYPE',
      `${what} has ${type ? `Content-Type ${showValue(type)}` : 'no Content-Type'}; send it as application/json`,
    )
  const encoding = request.headers.get('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity')
    throw new CoatcheckError(
      'UNSUPPORTED_MEDIA_TYPE',
      `${what} has Content-Encoding ${showValue(encoding)}; send it as it is`,
    )
}

/** `application/json` or `application/…+json`, in UTF-8, which is the only charset of JSON (RFC 8259, 8.1). */
function isJson(type: string): boolean {
  if (type === 'application/json') return true
  const [essence = '', ...parameters] = type.toLowerCase().split(';')
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith('charset='))
  return (
    /^application\/(?:[\w.!#$&^-]+\+)?json$/.test(essence.trim()) &&
    (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
  )
}

function isEmpty(what: string): CoatcheckError {
  return new CoatcheckError('MALFORMED_JSON', `${what} is empty; send JSON, {} at least`)
}

function tooLarge(what: string, maxBytes: number): CoatcheckError {
  return new CoatcheckError(
    'PAYLOAD_TOO_LARGE',
    `${what} is over the limit of ${showNumber(maxBytes)} bytes; store it elsewhere and send where it is`,
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array | undefined, { maxBytes, what }: BodyLimits): string {
  if (!bytes) throw tooLarge(what, maxBytes)
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new CoatcheckError('MALFORMED_JSON', `${what} is not valid UTF-8`, { cause: error })
  }
}
