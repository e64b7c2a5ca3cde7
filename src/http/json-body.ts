import { CoatcheckError } from '../base/errors.ts'
import { checkJsonText } from '../base/json.ts'
import { showNumber, showValue } from '../base/shown-value.ts'
import type { Definition } from '../define/definition.ts'
import type { HttpRequest } from './message.ts'

/**
 * The body of a request to a service, as JSON.
 * @throws CoatcheckError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `MALFORMED_JSON`, and what checks of JSON throw
 */
export async function readJsonBody(request: HttpRequest, definition: Definition): Promise<unknown> {
  const maxBytes = definition.maxPayloadBytes
  const what = `the body for ${definition.name}`
  if (!request.mayHaveBody) throw isEmpty(what)
  checkMediaType(request, what)
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(what, maxBytes)
  const bytes = await request.readBody(maxBytes)
  if (!bytes) throw tooLarge(what, maxBytes)
  if (bytes.length === 0) throw isEmpty(what)
  return checkJsonText(decode(bytes, what), { maxBytes, what })
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

function decode(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new CoatcheckError('MALFORMED_JSON', `${what} is not valid UTF-8`, { cause: error })
  }
}
