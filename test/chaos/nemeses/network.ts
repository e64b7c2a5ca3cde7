import { startTcpProxy, type TcpProxy } from '../../store/tcp-proxy.ts'
import type { Endings } from '../endings.ts'

export interface Network {
  readonly proxy: TcpProxy
  /** The server's address by way of it. */
  readonly url: string
}

/** A network of the case's own in front of a server, which ends with the case at the latest. */
export async function openNetwork(url: string, endings: Endings): Promise<Network> {
  const { hostname, port } = new URL(url)
  const proxy = await startTcpProxy(hostname, Number(port))
  endings.add('network', () => proxy.close())
  const through = new URL(url)
  through.port = String(proxy.port)
  return { proxy, url: through.href }
}
