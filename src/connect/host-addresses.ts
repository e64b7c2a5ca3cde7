import { lookup, Resolver } from 'node:dns/promises'

/** Gives all addresses of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** As the system has them, its hosts file included. For names that an administrator chose. */
export const lookUpHost: Resolve = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/**
 * As name servers have them. For names that came from outside: the system's look-up holds one of the process's few threads until
 * it ends, and whoever runs the name server of a name says when that is.
 * @param servers those of the system unless given
 */
export async function askNameServers(host: string, servers?: readonly string[]): Promise<string[]> {
  // a new one each time: the system's servers may be others by now
  const resolver = new Resolver({ timeout: 3_000, tries: 2 })
  if (servers) resolver.setServers(servers)
  const asked = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  const found = asked.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
  const [first] = asked
  if (found.length === 0 && first.status === 'rejected') throw first.reason
  return found
}
