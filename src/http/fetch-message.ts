import { decodePath, hasNoBody, type Answer, type HttpRequest } from './message.ts'
import type { OpenRequests } from './open-requests.ts'

/** A request of the Fetch API. */
export function readFetchRequest(request: Request): HttpRequest {
  const url = new URL(request.url)
  return {
    method: request.method,
    path: decodePath(url.pathname),
    host: url.host,
    origin: url.origin,
    query: url.searchParams,
    headers: request.headers,
    get isAborted() {
      return request.signal.aborted
    },
    get signal() {
      return request.signal
    },
    mayHaveBody: request.body !== null,
    readBody: (maxBytes) => readAtMost(request.body, maxBytes),
  }
}

async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      reader.releaseLock()
      return undefined
    }
    chunks.push(value)
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)
}

/** More of a refused body than this is not worth a connection. */
const maxOver = 16 * 1024 * 1024

/**
 * Reads over what nobody wanted of a body: a server that mounts us may end the connection over it, and with it the next
 * request. Never rejects.
 */
export async function readOver({ body }: Request): Promise<void> {
  if (!body || body.locked) return
  const reader = body.getReader()
  try {
    for (let length = 0; length < maxOver;) {
      const { done, value } = await reader.read()
      if (done) return
      length += value.length
    }
  } catch {
    // the client has gone, or the server has ended what took too long
  }
}

/** The answer as one of the Fetch API. What is read of it piece by piece stays open until then. */
export function writeFetchResponse(answer: Answer, method: string, open: OpenRequests): Response {
  const { status, cookies = [], body, onSent } = answer
  const headers = new Headers(answer.headers)
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  const isEmpty = body === null || method === 'HEAD' || hasNoBody(status)
  if (isEmpty) return new Response(null, { status, headers })
  if (onSent) return new Response(streamOf(whenRead(body, onSent), open), { status, headers })
  if (typeof body === 'string') return new Response(body, { status, headers })
  if (body instanceof Uint8Array) return new Response(body as Uint8Array<ArrayBuffer>, { status, headers })
  return new Response(streamOf(body, open), { status, headers })
}

function streamOf(pieces: AsyncIterable<string | Uint8Array>, open: OpenRequests): ReadableStream {
  return ReadableStream.from(open.reading(encode(pieces)))
}

/** Tells when all of a body has been read, and ends it after that. */
async function* whenRead(body: NonNullable<Answer['body']>, tell: () => Promise<void>) {
  if (typeof body === 'string' || body instanceof Uint8Array) yield body
  else yield* body
  await tell()
}

async function* encode(pieces: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const piece of pieces) yield typeof piece === 'string' ? encoder.encode(piece) : piece
}
