import { CoatcheckError } from '../base/errors.ts'
import { checkJsonText } from '../base/json.ts'
import { showNumber, showValue } from '../base/shown-value.ts'
import type { Definition } from '../define/definition.ts'

/**
 * The body of a request to a service, as JSON.
 * @throws CoatcheckError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE`, `MALFORMED_JSON`, and what checks of JSON throw
 */
export async function readJsonBody(request: Request, definition: Definition): Promise<unknown> {
  const maxBytes = definition.maxPayloadBytes
  const what = `the body for ${definition.name}`
  const body = request.body
  if (!body) throw new CoatcheckError('MALFORMED_JSON', `${what} is empty; send JSON, {} at least`)
  checkMediaType(request, what)
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(what, maxBytes)
  const bytes = await readAtMost(body, maxBytes, what)
  if (bytes.length === 0)
    throw new CoatcheckError('MALFORMED_JSON', `${what} is empty; send JSON, {} at least`)
  return checkJsonText(decode(bytes, what), { maxBytes, what })
}

function checkMediaType(request: Request, what: string): void {
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
  const [essence = '', ...parameters] = type.toLowerCase().split(';')
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith('charset='))
  return (
    /^application\/(?:[\w.!#$&^-]+\+)?json$/.test(essence.trim()) &&
    (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
  )
}

/** Stops reading at the limit. The rest is left to the server: to cancel the stream would cut the line before the answer. */
async function readAtMost(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      reader.releaseLock()
      throw tooLarge(what, maxBytes)
    }
    chunks.push(value)
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)
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
