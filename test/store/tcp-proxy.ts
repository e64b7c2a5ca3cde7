import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A network between a client and the server, which can go bad. */
export interface TcpProxy {
  readonly port: number
  /** What comes from the server, or all, is swallowed from now on, without a word: half-open connections. */
  swallow(what: 'answers' | 'all'): void
  /**
   * What passes over the connections that there are is held back from now on, until `heal` delivers it, also when the client
   * has gone meanwhile. New connections, such as those that would cancel what was sent, lead nowhere until then.
   */
  hold(): void
  /** So it is from the first piece on that has this in it. */
  holdFrom(text: string): void
  /** How many of the pieces that are held back have this in them. */
  holds(text: string): number
  /** New connections pass again; what was swallowed stays so. */
  heal(): void
  /** Resets all connections, or that share of them. */
  reset(share?: number, random?: () => number): void
  /** Whatever passes takes so long, each way. */
  delay(ms: number): void
  /** Connections that the server's side ended while a question had no answer yet: what became of it is not known. */
  unanswered(): number
  /**
   * The answers to that share of the questions that have such a text in them are lost from now on: once all has been done and
   * committed, the client's connection is reset.
   */
  loseAnswers(text: RegExp, share: number, random?: () => number): void
  /** How many answers were lost in that way. */
  lostAnswers(): number
  /** How often the server was connected to. */
  connections(): number
  close(): Promise<void>
}

/** What a server ends its answer with when no transaction is open: ReadyForQuery, idle. */
const readyForMore = Buffer.from('Z\0\0\0\u0005I', 'latin1')

export async function startTcpProxy(host: string, port: number): Promise<TcpProxy> {
  let swallowing: 'nothing' | 'answers' | 'all' = 'nothing'
  let connections = 0
  let delayMs = 0
  let trigger: string | undefined
  let held: { socket: Socket; chunk: Buffer }[] | undefined
  let unanswered = 0
  const hold = () => {
    trigger = undefined
    held ??= []
  }
  let losing: ((chunk: Buffer) => boolean) | undefined
  let lostAnswers = 0
  /** Later, if it takes its time; in the order in which it came, since timers of one length keep theirs. */
  const pass = (socket: Socket, chunk: Buffer) => {
    if (trigger !== undefined && chunk.includes(trigger)) hold()
    if (held) held.push({ socket, chunk })
    else if (delayMs === 0) socket.write(chunk)
    else setTimeout(() => socket.destroyed || socket.write(chunk), delayMs)
  }
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  const deaf: (() => void)[] = []
  // a dead network does not answer a FIN either
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port, host, allowHalfOpen: true })
    const isLost = held !== undefined
    connections++
    clients.add(client)
    client.on('close', () => clients.delete(client))
    const lost = { questions: isLost || swallowing === 'all', answers: isLost || swallowing !== 'nothing' }
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
        if (!lost.questions && !held) other.destroy()
      })
    }
    let isDoomed = false
    client.on('data', (chunk) => {
      isDoomed ||= losing?.(chunk) ?? false
      if (!lost.questions) pass(upstream, chunk)
    })
    client.on('end', () => {
      if (!lost.questions && !held) upstream.end()
    })
    upstream.on('end', () => {
      if (!lost.answers) client.end()
    })
    let asked = false
    client.on('data', () => {
      asked = true
    })
    upstream.on('close', () => {
      if (asked) unanswered++
    })
    upstream.on('data', (chunk) => {
      asked = false
      if (isDoomed) {
        if (!chunk.subarray(-readyForMore.length).equals(readyForMore)) return
        lostAnswers++
        client.resetAndDestroy()
        upstream.destroy()
      } else if (!lost.answers) pass(client, chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const reset = (share = 1, random = Math.random) => {
    // The server's side goes with its client's.
    for (const socket of clients) if (share === 1 || random() < share) socket.resetAndDestroy()
    if (share === 1) for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    swallow: (what) => {
      swallowing = what
      for (const apply of deaf) apply()
    },
    hold,
    holdFrom: (text) => {
      trigger = text
    },
    holds: (text) => held?.filter(({ chunk }) => chunk.includes(text)).length ?? 0,
    heal: () => {
      swallowing = 'nothing'
      trigger = undefined
      for (const { socket, chunk } of held?.splice(0) ?? []) socket.write(chunk)
      held = undefined
    },
    reset,
    delay: (ms) => {
      delayMs = ms
    },
    unanswered: () => unanswered,
    loseAnswers: (text, share, random = Math.random) => {
      losing = (chunk) => text.test(chunk.toString('latin1')) && random() < share
    },
    lostAnswers: () => lostAnswers,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
