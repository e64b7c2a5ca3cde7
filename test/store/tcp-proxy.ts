import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A network between a client and the server, which can go bad. */
export interface TcpProxy {
  readonly port: number
  /** What comes from the server, or all, is swallowed from now on, without a word: half-open connections. */
  swallow(what: 'answers' | 'all'): void
  /** New connections pass again; what was swallowed stays so. */
  heal(): void
  /** Resets all connections. */
  reset(): void
  /** How often the server was connected to. */
  connections(): number
  close(): Promise<void>
}

export async function startTcpProxy(host: string, port: number): Promise<TcpProxy> {
  let swallowing: 'nothing' | 'answers' | 'all' = 'nothing'
  let connections = 0
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  const deaf: (() => void)[] = []
  // a dead network does not answer a FIN either
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port, host, allowHalfOpen: true })
    connections++
    clients.add(client)
    client.on('close', () => clients.delete(client))
    const lost = { questions: swallowing === 'all', answers: swallowing !== 'nothing' }
    deaf.push(() => {
      lost.questions ||= swallowing === 'all'
      lost.answers ||= swallowing !== 'nothing'
    })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        if (!lost.questions) other.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (!lost.questions) upstream.write(chunk)
    })
    client.on('end', () => {
      if (!lost.questions) upstream.end()
    })
    upstream.on('end', () => {
      if (!lost.answers) client.end()
    })
    upstream.on('data', (chunk) => {
      if (!lost.answers) client.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const reset = () => {
    for (const socket of clients) socket.resetAndDestroy()
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    swallow: (what) => {
      swallowing = what
      for (const apply of deaf) apply()
    },
    heal: () => {
      swallowing = 'nothing'
    },
    reset,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
