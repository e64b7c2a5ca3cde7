import { ambiguous, chunked } from '../../http/conformance/ambiguous-framing.ts'
import type { Wire } from '../../http/conformance/wire.ts'

/** Bytes that are to be read otherwise than they look, and what an answer to them must not be. */
export interface Trick {
  readonly name: string
  readonly kind: 'smuggling' | 'flood' | 'CRLF' | 'TRACE'
  readonly bytes: string
}

const host = 'Host: localhost\r\n'
const close = 'Connection: close\r\n'
const json = 'Content-Type: application/json\r\n'
const post = `POST /services/chaos/echo HTTP/1.1\r\n${host}${json}`
/** What is hidden in the body of another request: it would be seen by its answer, and by what ran. */
const hidden = `POST /services/chaos/smuggled HTTP/1.1\r\n${host}${json}${close}Content-Length: 2\r\n\r\n{}`
const secret = 'canary-of-trace'

export function makeTricks(): readonly Trick[] {
  return [...smuggling(), ...floods(), ...splitting(), ...traces()]
}

function smuggling(): Trick[] {
  const bodies = {
    ...ambiguous,
    'HTTP/1.0 coding': `Transfer-Encoding: gzip, chunked\r\n\r\n${chunked}`,
    identity: `Transfer-Encoding: identity\r\n\r\n${chunked}`,
    'a Content-Length that hides the rest': `Content-Length: ${2 + hidden.length}\r\n\r\n{}`,
  }
  return Object.entries(bodies).map(([name, lines]) => ({
    name,
    kind: 'smuggling',
    bytes: post + lines + hidden,
  }))
}

function floods(): Trick[] {
  const get = `GET /healthz HTTP/1.1\r\n${host}`
  const flood = (name: string, bytes: string): Trick => ({ name, kind: 'flood', bytes })
  return [
    flood('a header of 1 MB', `${get}X: ${'x'.repeat(1_000_000)}\r\n\r\n`),
    flood('100,000 headers', `${get}${'A: b\r\n'.repeat(100_000)}\r\n`),
    flood('3,000 headers without anything', `${get}${'A:\r\n'.repeat(3_000)}\r\n`),
    flood('a request line of 1 MB', `GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\n${host}\r\n`),
    flood('a name of 1 MB', `${get}${'n'.repeat(1_000_000)}: a\r\n\r\n`),
    flood(
      'trailers of 1 MB',
      `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${'A: b\r\n'.repeat(170_000)}\r\n`,
    ),
    flood(
      'a chunk extension of 1 MB',
      `${post}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(1_000_000)}\r\n`,
    ),
  ]
}

function splitting(): Trick[] {
  const trick = (name: string, bytes: string): Trick => ({ name, kind: 'CRLF', bytes })
  const said = JSON.stringify({ header: 'a\r\nset-cookie: b=c\r\n\r\n' })
  const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${host}${close}${more}\r\n`
  return [
    trick('in a path', get('/%0d%0aset-cookie:%20b=c')),
    trick('in the path of an item', get('/queue-items/%0d%0aset-cookie:%20b=c')),
    trick('in the query of an item', get('/queue-items/x?wait=1s%0d%0aset-cookie:%20b=c')),
    trick(
      'in what comes back as X-Correlation-Id',
      get('/healthz', 'X-Correlation-Id: a\rset-cookie: b=c\r\n'),
    ),
    trick('with a bare LF', get('/healthz', 'X-Correlation-Id: a\nset-cookie: b=c\r\n')),
    trick('on a folded line', get('/healthz', 'X-Correlation-Id: a\r\n set-cookie: b=c\r\n')),
    trick(
      'in letters that end in these bytes',
      get('/healthz', 'X-Correlation-Id: a\u010d\u010aset-cookie: b=c\r\n'),
    ),
    trick(
      'in a header that a service chose',
      `POST /services/chaos/say HTTP/1.1\r\n${host}${json}${close}Content-Length: ${said.length}\r\n\r\n${said}`,
    ),
  ]
}

function traces(): Trick[] {
  return ['/', '/healthz', '/services/chaos/echo', '*'].flatMap((path) =>
    ['TRACE', 'TRACK', 'CONNECT', 'DEBUG'].map((method): Trick => ({
      name: `${method} ${path}`,
      kind: 'TRACE',
      bytes: `${method} ${path} HTTP/1.1\r\n${host}${close}Cookie: ${secret}\r\nAuthorization: Bearer ${secret}\r\n\r\n`,
    })),
  )
}

/** What is wrong with what came back, in a sentence; undefined where nothing is. */
export function faultOf({ kind }: Trick, { answers, rest, closed }: Wire): string | undefined {
  const statuses = answers.map(({ status }) => status)
  const told = `answered ${statuses.join()}${closed ? '' : ', and left open'}`
  if (answers.some(({ headers }) => headers.has('set-cookie'))) return 'a header was smuggled into the answer'
  if (answers.some(({ body }) => body.includes(secret)) || rest.includes(secret))
    return 'it was told what it said'
  if (!closed || answers.length > 1 || rest !== '') return told
  const [status = 0] = statuses
  const isRefused = (status >= 400 && status < 500) || status === 501
  // A connection that is ended without a word is refused too: nobody reads an answer while it sends a megabyte.
  if (kind === 'flood') return isRefused || answers.length === 0 ? undefined : told
  // So is one that was to become a tunnel.
  if (kind === 'TRACE' && answers.length === 0) return undefined
  // What was no header line is the value of one, or the service failed: either way there is one answer.
  if (kind === 'CRLF') return answers.length === 1 ? undefined : told
  return isRefused ? undefined : told
}
