import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CoatcheckError } from '../base/errors.ts'
import { decodePath, hasNoBody, type Answer, type HttpRequest, type RequestHeaders } from './message.ts'
import type { Report } from './problem.ts'

/** What can be taken as it stands; all else is read as a URL. */
const plainPath = /^\/(?!\/)[\w~!$&'()*+,;=:@./-]*$/
const plainHost = /^(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::(?:\d{1,4}|[1-5]\d{4}))?$/i

interface Target {
  readonly path: string
  readonly host: string
  readonly query: string
}

/**
 * Who is asked for what (RFC 9112, 3.2): a path with the Host beside it, or a whole URL.
 * @throws CoatcheckError `NOT_FOUND`, `HOST_REFUSED`, `REQUEST_MALFORMED`
 */
function readTarget(target: string, host: string | undefined): Target {
  const end = target.indexOf('?')
  const path = end < 0 ? target : target.slice(0, end)
  const query = end < 0 ? '' : target.slice(end)
  const isPlain = plainPath.test(path) && !path.includes('/.') && !query.includes('#')
  if (isPlain && host !== undefined && plainHost.test(host)) return { path, host, query }
  const isPath = target.startsWith('/')
  if (!isPath && !target.includes('://'))
    throw new CoatcheckError('NOT_FOUND', 'the path of the request cannot be read')
  // HTTP/1.0 may leave it out, and is not let in then
  if (host === undefined) throw new CoatcheckError('HOST_REFUSED', 'the request has no Host')
  // read alone first: what stands in it must not become a part of the path
  const base = URL.parse(`http://${host}`)
  const url = base?.href === `${base?.origin}/` ? URL.parse(isPath ? base.origin + target : target) : null
  if (!url || !/^https?:$/.test(url.protocol))
    throw new CoatcheckError('REQUEST_MALFORMED', 'Host and the target of the request make no URL')
  return { path: decodePath(url.pathname), host: url.host, query: url.search }
}

/** A request that a listener of ours took. */
export class NodeRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly headers: RequestHeaders
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #query: string
  #controller: AbortController | undefined

  /** @throws CoatcheckError where nobody can tell what is asked for */
  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    const { path, host, query } = readTarget(incoming.url ?? '', incoming.headers.host)
    this.method = incoming.method ?? ''
    this.path = path
    this.host = host
    this.headers = new NodeHeaders(incoming.headers)
    this.#query = query
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  get origin(): string {
    return `http://${this.host}`
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#query)
  }

  get isAborted(): boolean {
    return this.#incoming.socket.destroyed && !this.#outgoing.writableFinished
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal
    const controller = new AbortController()
    this.#controller = controller
    const outgoing = this.#outgoing
    const onClose = (): void => {
      if (!outgoing.writableFinished) controller.abort()
    }
    if (this.isAborted) onClose()
    else outgoing.once('close', onClose)
    return controller.signal
  }

  get mayHaveBody(): boolean {
    return this.method !== 'GET' && this.method !== 'HEAD'
  }

  readBody(maxBytes: number): Promise<Uint8Array | undefined> {
    const incoming = this.#incoming
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let length = 0
      let isOver = false
      const onData = (chunk: Buffer): void => {
        length += chunk.length
        if (length <= maxBytes) chunks.push(chunk)
        else {
          incoming.off('data', onData)
          incoming.pause()
          resolve(undefined)
        }
      }
      // It may have left before, or end without an error. Of a request that came whole it is said, too: to make an error then that
      // nobody sees costs more than all the rest of this.
      const onClose = (): void => {
        if (!isOver) reject(new Error('the client has gone'))
      }
      if (incoming.destroyed) return onClose()
      incoming.on('data', onData)
      incoming.on('end', () => {
        isOver = true
        resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length))
      })
      incoming.on('close', onClose)
    })
  }
}

class NodeHeaders implements RequestHeaders {
  readonly #headers: IncomingMessage['headers']

  constructor(headers: IncomingMessage['headers']) {
    this.#headers = headers
  }

  get(name: string): string | null {
    const value = this.#headers[name]
    return value === undefined ? null : String(value)
  }

  has(name: string): boolean {
    return this.#headers[name] !== undefined
  }
}

export interface SendOptions {
  /** A client that takes nothing of its answer for so long is gone. */
  readonly stalledMs: number
  /** Told why an answer broke off, where that was not the client. */
  readonly report: Report
  /** The rest of the request is being read over. */
  readonly unread?: Promise<void> | undefined
}

/**
 * Sends an answer. Never throws or rejects: an answer that cannot be sent whole is cut off, as whoever reads it will see.
 * @returns a promise where it is sent piece by piece
 */
export function sendAnswer(
  { status, headers, cookies, body, onSent }: Answer,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { stalledMs, report, unread }: SendOptions,
): Promise<void> | undefined {
  if (outgoing.destroyed) return undefined
  const breakOff = (error: unknown): void => {
    if (!isLeaving(error)) report(error)
    outgoing.destroy()
  }
  try {
    const isWhole = body === null || typeof body === 'string' || body instanceof Uint8Array
    if (isWhole && status !== 204 && status !== 304)
      headers['content-length'] = String(body === null ? 0 : Buffer.byteLength(body))
    outgoing.writeHead(status, cookies ? { ...headers, 'set-cookie': [...cookies] } : headers)
    if (onSent && incoming.method !== 'HEAD') outgoing.once('finish', () => void onSent())
    if (body === null || incoming.method === 'HEAD' || hasNoBody(status)) outgoing.end()
    else if (isWhole) endWith(body, outgoing, unread)
    // until it is out; the server sets it anew for whatever comes next on the connection
    if (!isWhole || incoming.socket.writableLength > 0) incoming.socket.setTimeout(stalledMs)
    if (!isWhole && !outgoing.writableEnded) return pipeline(Readable.from(body), outgoing).catch(breakOff)
  } catch (error) {
    breakOff(error)
  }
  return undefined
}

/**
 * Where the connection ends with this answer, it ends after the request: to close while something comes is to reset it, and then
 * the client may never read what it was told. The answer is out before, and whole.
 */
function endWith(
  body: string | Uint8Array,
  outgoing: ServerResponse,
  unread: Promise<void> | undefined,
): void {
  if (!unread || outgoing.shouldKeepAlive) return void outgoing.end(body)
  outgoing.write(body)
  void unread.then(() => outgoing.end())
}

/** Whether the client went before it had all. */
function isLeaving(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE'
}
