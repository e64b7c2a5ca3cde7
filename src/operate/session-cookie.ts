import { isOwnHost } from '../http/guard.ts'
import type { HttpRequest } from '../http/message.ts'

type Addressed = Pick<HttpRequest, 'headers' | 'host' | 'origin'>

/** A cookie as this request gets it and brings it back. */
interface CookieKind {
  readonly name: string
  readonly attributes: string
}

/**
 * On plain HTTP of this machine a browser takes no `__Host-` cookie, and ports share theirs: there the port stands in the name.
 * @param tail parts one cookie of ours from another
 */
function cookieKind(request: Addressed, tail: string, sameSite: 'Strict' | 'Lax'): CookieKind {
  const host = request.headers.get('host') ?? request.host
  const attributes = `Path=/; HttpOnly; SameSite=${sameSite}`
  if (isOwnHost(host) && request.origin.startsWith('http:')) {
    const port = /:(\d+)$/.exec(host)?.[1] ?? '80'
    return { name: `coatcheck-${port}${tail}`, attributes }
  }
  return { name: `__Host-coatcheck${tail}`, attributes: `${attributes}; Secure` }
}

const session = ''

/** The secret of a session that a request brings; undefined where it brings none that could be one. */
export function readSessionCookie(request: Addressed): string | undefined {
  const value = readCookie(request, cookieKind(request, session, 'Strict').name)
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined
}

/** `Set-Cookie` of a session; of its end where there is no secret. It ends with the browser. */
export function sessionCookie(request: Addressed, secret: string | undefined): string {
  const { name, attributes } = cookieKind(request, session, 'Strict')
  return `${name}=${secret ?? ''}; ${attributes}${secret === undefined ? '; Max-Age=0' : ''}`
}

const trip = '-trip'

/** What a browser takes along to an issuer and back. It comes back from another site, so it cannot be strict. */
export function tripCookie(request: Addressed, value: string, lifeSeconds: number): string {
  const { name, attributes } = cookieKind(request, trip, 'Lax')
  return `${name}=${value}; ${attributes}; Max-Age=${lifeSeconds}`
}

export function readTripCookie(request: Addressed): string | undefined {
  return readCookie(request, cookieKind(request, trip, 'Lax').name)
}

function readCookie({ headers }: Addressed, name: string): string | undefined {
  for (const pair of (headers.get('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
