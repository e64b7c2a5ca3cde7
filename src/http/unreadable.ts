import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { showValue } from '../base/shown-value.ts'
import { problemOf, type ProblemDocument } from './problem.ts'

/** The most that are read. Some releases of Node leave out the others and say nothing. */
export const maxHeaders = 1000
const tooManyHeaders = 'the request line and headers are over 16 KB, or they are 1,000 and more'

/** On these no more is read: the answer said that the connection ends. */
const ended = new WeakSet<Duplex>()

/** Headers of all answers to what the door does not get to see. The connection ends: nobody knows where the next request begins. */
const headers = {
  'content-type': 'application/problem+json',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  connection: 'close',
}

/**
 * Answers a request of which it is not certain to whom it goes or where it ends (RFC 9112), for others between here and the
 * client may read it otherwise.
 * @returns whether it did
 */
export function refuseUnreadable(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  // in a pipeline the next request is there before the connection has ended
  if (ended.has(incoming.socket)) return true
  const problem = problemOfMessage(incoming)
  if (!problem) return false
  ended.add(incoming.socket)
  if (problem.code === 'METHOD_NOT_ALLOWED') outgoing.setHeader('allow', 'GET, HEAD, POST, DELETE')
  outgoing.writeHead(problem.status, headers).end(JSON.stringify(problem))
  return true
}

/**
 * Answers a request that expects something else than 100-continue (RFC 9110, 10.1.1). The connection ends: its body may follow, or
 * may wait for an answer.
 */
export function refuseExpectation(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (refuseUnreadable(incoming, outgoing)) return
  ended.add(incoming.socket)
  const detail = `Expect is ${showValue(incoming.headers.expect)}; only 100-continue is known, or leave it out`
  const problem = problemOf('EXPECTATION_FAILED', detail)
  outgoing.writeHead(problem.status, headers).end(JSON.stringify(problem))
}

function problemOfMessage({
  rawHeaders,
  headers,
  httpVersion,
  method,
  url,
}: IncomingMessage): ProblemDocument | undefined {
  if (rawHeaders.length >= 2 * maxHeaders) return problemOf('HEADERS_TOO_LARGE', tooManyHeaders)
  const isOld = httpVersion === '1.0'
  if (!isOld && httpVersion !== '1.1') return malformed(`the version is HTTP/${httpVersion}; send HTTP/1.1`)
  // RFC 9112, 3.2: one Host in each request, which only HTTP/1.0 may go without
  const hosts = countHosts(rawHeaders)
  if (hosts !== 1 && !(isOld && hosts === 0))
    return malformed(hosts === 0 ? 'Host is missing' : 'there is more than one Host')
  if (hosts === 1 && headers.host?.trim() === '') return malformed('Host is empty')
  const coding = headers['transfer-encoding']
  // RFC 9112, 6.1: HTTP/1.0 has no transfer codings, and one between may have passed it on without reading it
  if (coding !== undefined && isOld) return malformed('HTTP/1.0 has no Transfer-Encoding')
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    return problemOf('NOT_IMPLEMENTED', `Transfer-Encoding is ${showValue(coding)}; only chunked is known`)
  // RFC 9110, 9.3.7
  if (method === 'OPTIONS' && url === '*')
    return problemOf('METHOD_NOT_ALLOWED', 'OPTIONS is not known here; GET /openapi.json says what is')
  return undefined
}

function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}

function malformed(detail: string): ProblemDocument {
  return problemOf('REQUEST_MALFORMED', detail)
}

/**
 * Ends a connection on which what came is no HTTP, or came too slowly. Whose request had come whole by then gets its own
 * answer: the request behind it says nothing about it.
 * @param open its answers that are not over, the oldest first
 */
export function endUnreadable(error: Error, socket: Duplex, open: Iterable<ServerResponse>): void {
  const problem = problemOfParser(error)
  if (!problem || !socket.writable) return void socket.destroy(error)
  const mine = [...open]
  const whole = mine.findLast(({ req }) => req.complete)
  if (whole) return void whole.once('close', () => end(socket))
  if (!mine.some(({ headersSent }) => headersSent)) socket.write(messageOf(problem))
  end(socket)
}

function end(socket: Duplex): void {
  socket.end(() => socket.destroy())
}

/** @returns undefined where nobody is there to be answered */
function problemOfParser(error: NodeJS.ErrnoException): ProblemDocument | undefined {
  const { code = '' } = error
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return problemOf('REQUEST_TIMEOUT', 'the request did not come in time')
  if (code === 'HPE_HEADER_OVERFLOW') return problemOf('HEADERS_TOO_LARGE', tooManyHeaders)
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return problemOf('PAYLOAD_TOO_LARGE', 'the chunk extensions are over the limit of 16 KB')
  if (!code.startsWith('HPE_')) return undefined
  const { reason } = error as { reason?: string }
  return malformed(`what came is no HTTP/1.1: ${reason ?? error.message}`)
}

function messageOf(problem: ProblemDocument): string {
  const body = JSON.stringify(problem)
  const lines = Object.entries({
    ...headers,
    date: new Date().toUTCString(),
    'content-length': Buffer.byteLength(body),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`
}
