import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/**
 * A receiver of callbacks in a process of its own. What it answers stands in the path, `/{behaviour}/{name}`; what came is told
 * to the parent, one message for each request, as it comes.
 */

/** A request as the receiver saw it. */
export interface Received {
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly at: number
}

/** Where it listens: HTTP; a port that talks garbage to whoever speaks TLS; and one where nobody listens. */
export interface ReceiverPorts {
  readonly http: number
  readonly garbage: number
  readonly closed: number
}

/** What it has counted since it began. */
export interface Tally {
  /** Bytes that it could send of answers without an end. */
  readonly poured: number
  /** Requests whose answers were not over, at once. */
  readonly mostHeld: number
}

const asked = new Map<string, number>()

function answer(request: IncomingMessage, response: ServerResponse, times: number): unknown {
  const [, behaviour = '', argument = ''] = (request.url ?? '').split('/')
  switch (behaviour) {
    // 500,200: the first request gets 500, all others 200
    case 'status': {
      const statuses = argument.split(',').map(Number)
      return response.writeHead(statuses[Math.min(times, statuses.length) - 1] ?? 500).end()
    }
    // 429,3600: with Retry-After, percent-encoded; then 204
    case 'later': {
      if (times > 1) return response.writeHead(204).end()
      const [, status, wait = ''] = /^(\d+),(.*)$/.exec(decodeURIComponent(argument)) ?? []
      return response.writeHead(Number(status), { 'retry-after': wait }).end()
    }
    case 'redirect':
      return response.writeHead(Number(argument), { location: '/status/200/redirected' }).end()
    // never a word
    case 'silent':
      return undefined
    // hangs once, then is well
    case 'hang-once':
      return times > 1 ? response.writeHead(204).end() : undefined
    // the head, a byte at a time and never all of it
    case 'slow-head': {
      const { socket } = request
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ')
      return drip(socket, () => socket.write('a'))
    }
    // the head at once, the body a byte at a time and never all of it
    case 'slow-body':
      response.writeHead(200, { 'content-type': 'text/plain' })
      return drip(request.socket, () => response.write('a'))
    // as much as anybody takes
    case 'huge':
      response.writeHead(Number(argument))
      return pour(response)
    case 'huge-head':
      return response.writeHead(200, { 'x-huge': 'a'.repeat(60_000) }).end()
    case 'garbage':
      return request.socket.end('SSH-2.0-OpenSSH_9.9\r\n')
    case 'reset':
      return request.socket.resetAndDestroy()
    default:
      return response.writeHead(404).end()
  }
}

function drip(socket: Socket, write: () => unknown): void {
  const timer = setInterval(write, 50)
  socket.once('close', () => clearInterval(timer))
}

let poured = 0
/** Requests without an end so far, whose sender has not left. */
const held = new Set<ServerResponse>()
let mostHeld = 0

/** Counted when all has been heard that came together: of a sender that left and came again the end may be told later. */
function hold(response: ServerResponse): void {
  held.add(response)
  response.once('close', () => held.delete(response))
  setTimeout(() => (mostHeld = Math.max(mostHeld, held.size)), 5)
}

function pour(response: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, 'a')
  const more = (): void => {
    if (response.destroyed) return
    poured += chunk.length
    if (response.write(chunk)) setImmediate(more)
    else response.once('drain', more)
  }
  more()
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return (server.address() as AddressInfo).port
}

if (process.argv[1] === import.meta.filename) {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { url: path = '', method = '', headers } = request
      const times = (asked.get(path) ?? 0) + 1
      asked.set(path, times)
      hold(response)
      process.send?.({ path, method, headers, body, at: Date.now() })
      answer(request, response, times)
    })
  })
  server.requestTimeout = 0
  const garbage = createPlainServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('220 mail.example.com ESMTP\r\n')
    const timer = setInterval(() => socket.write('garbage\r\n'), 50)
    socket.once('close', () => clearInterval(timer))
  })
  const nobody = createPlainServer()
  const ports = { http: await listen(server), garbage: await listen(garbage), closed: await listen(nobody) }
  nobody.close(() => process.send?.({ ports }))
  process.on('message', () => process.send?.({ tally: { poured, mostHeld } }))
  process.on('disconnect', () => process.exit())
}
