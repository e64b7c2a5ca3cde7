import type { HttpDoor } from '../http/door.ts'
import { HttpListener, isLocalHost } from '../http/listener.ts'
import type { CheckedOptions, HttpOptions } from './options.ts'

/** Credentials cross the network in what we listen to. */
export function listenWarnings({ http, nodeTypes }: CheckedOptions): string[] {
  if (!http || http.host === undefined || isLocalHost(http.host) || !nodeTypes.includes('web')) return []
  return [
    `http.host is ${http.host}, and the node itself speaks plain HTTP: put a proxy that ends TLS in front of it`,
  ]
}

/** Listens where it was told; where nothing was said and the usual port is taken, on a free one. */
export async function listen(door: HttpDoor, http: HttpOptions, anyAddress: boolean): Promise<HttpListener> {
  const place = { door, anyAddress, ...(http.host === undefined ? {} : { host: http.host }) }
  const listener = new HttpListener({ ...place, ...(http.port === undefined ? {} : { port: http.port }) })
  try {
    await listener.start()
    return listener
  } catch (error) {
    if (http.port !== undefined || !isTaken(error)) throw error
    const other = new HttpListener({ ...place, port: 0 })
    await other.start()
    return other
  }
}

function isTaken(error: unknown): boolean {
  const cause = (error as { cause?: { code?: unknown } } | undefined)?.cause
  return cause?.code === 'EADDRINUSE' || (error as { code?: unknown } | undefined)?.code === 'EADDRINUSE'
}
