import { isIP } from 'node:net'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { classifyAddress } from './address-ranges.ts'
import { allowNobody, type AllowList } from './allow-list.ts'
import { askNameServers, lookUpHost, type Resolve } from './host-addresses.ts'

export interface GuardOptions {
  /** Hosts and networks that are let through though they are not public; none unless set. */
  readonly allow?: AllowList
  /** Ports of hosts that were not named; 80 and 443 unless set. */
  readonly ports?: readonly number[]
  /** Unless set, the system for hosts that were named, name servers for all others. */
  readonly resolve?: Resolve
}

/** A URL that may be called, and where: no other address may be connected to for it. */
export interface Target {
  readonly url: URL
  readonly addresses: readonly string[]
}

/** The one guard of calls to URLs that came from outside (SSRF): only what is public, or was named, is called. */
export interface OutboundGuard {
  /**
   * What the URL alone says; no name is looked up.
   * @throws CoatcheckError `OUTBOUND_REFUSED`
   */
  check(url: string): URL
  /**
   * Looks the host up, once, and checks every address.
   * @throws CoatcheckError `OUTBOUND_REFUSED`; what looking up throws
   */
  resolve(url: string, signal: AbortSignal): Promise<Target>
}

const usualPorts = [80, 443]
const maxLength = 2_048

/** Names that mean something inside: of this machine, of its network, or without a dot. */
const innerNames =
  /^[^.]+$|(?:^|\.)(?:localhost|localdomain|localhost6|localdomain6|local|internal|intranet|home\.arpa|lan)$/

export function createOutboundGuard(options: GuardOptions = {}): OutboundGuard {
  const { allow = allowNobody, ports = usualPorts } = options

  function check(given: string): URL {
    const url = parseUrl(given)
    const host = url.hostname
    const port = portOf(url)
    if (allow.names(host, port)) return url
    const address = literalOf(host)
    if (address !== undefined) {
      if (!isOpen(address, allow)) throw refused(given, `${address} is ${describe(address)}`)
      if (allow.covers(address)) return url
    } else if (innerNames.test(host)) throw refused(given, `${host} is a name of this network`)
    if (!ports.includes(port))
      throw refused(given, `port ${port} is none of ${ports.join(', ')}, those that may be called`)
    return url
  }

  return {
    check,
    async resolve(given, signal) {
      const url = check(given)
      const isNamed = allow.names(url.hostname, portOf(url))
      const literal = literalOf(url.hostname)
      // as far as a literal goes, whoever named it named this very address
      if (literal !== undefined) return { url, addresses: [literal] }
      const resolve = options.resolve ?? (isNamed ? lookUpHost : askNameServers)
      const addresses = await untilAborted(resolve(url.hostname), signal)
      if (addresses.length === 0) throw refused(given, `${url.hostname} has no address`)
      for (const address of addresses) {
        const known = classifyAddress(address)
        if (known === 'public' || (known === 'private' && (isNamed || allow.covers(address)))) continue
        throw refused(given, `${url.hostname} leads to ${address}, which is ${describe(address)}`)
      }
      return { url, addresses }
    },
  }
}

/**
 * Parses with the parser of URLs that also connects, so that both see the same host; before that, what such parsers forgive is
 * refused: blanks, backslashes, control characters, too few or too many slashes.
 */
function parseUrl(given: string): URL {
  if (given.length > maxLength) throw refused(given, `it has over ${maxLength} characters`)
  if (!/^[\x21-\x7e]+$/.test(given) || given.includes('\\'))
    throw refused(given, 'it has blanks, backslashes or characters beyond ASCII; write it percent-encoded')
  if (!/^https?:\/\/[^/?#]/i.test(given)) throw refused(given, 'only http:// and https:// URLs are called')
  if (!URL.canParse(given)) throw refused(given, 'it is no URL')
  const url = new URL(given)
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(given))
    throw refused(given, 'it has a user or a password')
  const host = url.hostname
  if (host.endsWith('.')) throw refused(given, 'its host ends with a dot')
  if (literalOf(host) === undefined && !/^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?$/.test(host))
    throw refused(given, `its host ${showValue(host)} is no name of a host`)
  if (/\.\.|[^.]{64}/.test(host)) throw refused(given, `its host ${showValue(host)} is no name of a host`)
  url.hash = ''
  return url
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

/** The address that stands in place of a name. */
function literalOf(host: string): string | undefined {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  return isIP(bare) === 0 ? undefined : bare
}

function isOpen(address: string, allow: AllowList): boolean {
  const known = classifyAddress(address)
  return known === 'public' || (known === 'private' && allow.covers(address))
}

function describe(address: string): string {
  return classifyAddress(address) === 'private'
    ? 'a private address; allowHosts can let it through'
    : 'no public address'
}

function refused(given: string, why: string): CoatcheckError {
  return new CoatcheckError('OUTBOUND_REFUSED', `${showValue(given)} is refused: ${why}`)
}

/** Looking up cannot be stopped; what it comes to after that is nobody's. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
