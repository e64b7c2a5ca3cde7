import { isIP } from 'node:net'
import { showValue } from '../base/shown-value.ts'
import { isPrivateNetwork, listOf } from './address-ranges.ts'

/** Whom the outbound guard lets through though they are not public. */
export interface AllowList {
  /** Whether the host was named, with this port or with none. */
  names(host: string, port: number): boolean
  /** Whether the address is in a network that was named. */
  covers(address: string): boolean
}

export const allowNobody: AllowList = Object.freeze({ names: () => false, covers: () => false })

/**
 * Reads an allow list: hosts (`erp.internal`, `localhost:8080`, `10.0.0.7`, `[fd00::7]:8443`) and private networks (`10.1.0.0/16`).
 * A host stands for all its ports unless one is given.
 * @param report told each problem, as a sentence without its full stop
 */
export function readAllowList(entries: readonly unknown[], report: (problem: string) => void): AllowList {
  const hosts = new Set<string>()
  const nets: string[] = []
  for (const entry of entries) {
    const read = typeof entry === 'string' ? readEntry(entry) : undefined
    if (read?.host !== undefined) hosts.add(read.host)
    else if (read?.net !== undefined) nets.push(read.net)
    else
      report(
        `allowHosts has ${showValue(entry)}; write a host such as 'erp.internal', 'localhost:8080' or '10.0.0.7', or a private network such as '10.1.0.0/16'`,
      )
  }
  const list = nets.length > 0 ? listOf(...nets) : undefined
  return Object.freeze({
    names: (host: string, port: number) => hosts.has(host) || hosts.has(`${host}:${port}`),
    covers: (address: string) => list?.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') ?? false,
  })
}

function readEntry(entry: string): { readonly host?: string; readonly net?: string } | undefined {
  if (entry.includes('/')) return isPrivateNetwork(entry) ? { net: entry } : undefined
  const bracketed = isIP(entry) === 6 ? `[${entry}]` : entry
  if (!/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.test(bracketed)) return undefined
  const [, port] = /:(\d{1,5})$/.exec(bracketed.replace(/^\[.*\]/, '')) ?? []
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined
  // as the parser of URLs writes it, which is what it is compared with
  const url = `http://${bracketed}`
  if (!URL.canParse(url)) return undefined
  const { hostname } = new URL(url)
  return { host: port === undefined ? hostname : `${hostname}:${Number(port)}` }
}
