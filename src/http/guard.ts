import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { HttpRequest } from './message.ts'

/** Where a request came in. */
export interface RequestInfo {
  /** Whether it came through a listener of ours that is bound to a loopback address. */
  readonly loopback: boolean
}

/** What stands between services and the world while nobody can sign in. */
export interface GuardOptions {
  /** `NODE_ENV`. */
  readonly environment: string | undefined
}

/**
 * Lets through what comes from this machine, is addressed to it and was not sent by a page of another site.
 * @throws CoatcheckError `AUTH_REQUIRED`, `HOST_REFUSED`, `CROSS_SITE_REFUSED`
 */
export function checkRequest(
  request: HttpRequest,
  { loopback }: RequestInfo,
  { environment }: GuardOptions,
): void {
  if (environment === 'production')
    throw new CoatcheckError(
      'AUTH_REQUIRED',
      'NODE_ENV is production and the node has no auth, so nothing is answered over HTTP; set auth in createNode to say who may call',
    )
  if (!loopback)
    throw new CoatcheckError(
      'AUTH_REQUIRED',
      'the node has no auth, so services answer only on its own loopback listener, not through a server that mounts node.fetch; set auth in createNode to say who may call',
    )
  const host = checkHost(request)
  checkSite(request, host)
}

/**
 * A page that rebinds its own name to 127.0.0.1 sends that name as Host. The target is looked at too: a request line in
 * absolute form names a host beside the header.
 * @throws CoatcheckError `HOST_REFUSED`
 */
export function checkHost(request: HttpRequest): string {
  const target = request.host
  const host = request.headers.get('host') ?? target
  const foreign = isOwnHost(host) ? (target === host || isOwnHost(target) ? undefined : target) : host
  if (foreign === undefined) return host
  throw new CoatcheckError(
    'HOST_REFUSED',
    `the host is ${showValue(foreign)}; without auth it must be localhost, 127.0.0.1 or [::1]`,
  )
}

/** Whether a host, with its port or without, names this machine in a way that no name server has a say in. */
export function isOwnHost(host: string): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host)
}

/** Browsers send these two headers and pages cannot change them; other clients send neither. */
function checkSite(request: HttpRequest, host: string): void {
  const site = request.headers.get('sec-fetch-site')
  if (site?.toLowerCase() === 'cross-site')
    throw new CoatcheckError(
      'CROSS_SITE_REFUSED',
      'Sec-Fetch-Site is cross-site; without auth no other site may ask',
    )
  const origin = request.headers.get('origin')
  if (origin !== null && !isOwnOrigin(origin, host))
    throw new CoatcheckError(
      'CROSS_SITE_REFUSED',
      `Origin is ${showValue(origin)}, which is not ${showValue(`http://${host}`)}; without auth no other site may ask`,
    )
}

function isOwnOrigin(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === new URL(`http://${host}`).origin
}
