import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { Part } from '../base/part.ts'
import { showValue } from '../base/shown-value.ts'
import type { HttpDoor } from './door.ts'
import type { Answer } from './message.ts'
import { NodeRequest, sendAnswer, type SendOptions } from './node-message.ts'
import { answerFull } from './open-requests.ts'
import { answerProblem, problemOf } from './problem.ts'
import { readOver } from './unread-body.ts'
import { endUnreadable, maxHeaders, refuseExpectation, refuseUnreadable } from './unreadable.ts'

export interface HttpListenerOptions {
  readonly door: HttpDoor
  /** `127.0.0.1` unless set. */
  readonly host?: string
  /** Whether any address will do: the door signs callers in. False unless set: then a loopback address. */
  readonly anyAddress?: boolean
  /** 3000 unless set; 0 picks a free one. */
  readonly port?: number
  /** A client that takes nothing of its answer for so long is gone; 30,000 unless set. */
  readonly stalledMs?: number
  /** How long stopping waits for answers that are on their way; 10,000 unless set. */
  readonly graceMs?: number
}

const limits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  /** To receive a request; the answer may take longer. Whoever sends slowly is gone within 15 s, the look at it included. */
  requestTimeout: 12_000,
  /** How often the two are looked at: of thousands whose time is up, a few at a time, so that nobody waits for all to be ended. */
  connectionsCheckingInterval: 100,
  /** Ours says so with a problem; see {@link refuseUnreadable}. */
  requireHostHeader: false,
  /** Of two that contradict each other none is left out. */
  joinDuplicateHeaders: true,
}
/** Connections that have come and are not taken yet. */
const backlog = 4096
/** So many that thousands who hold theirs open leave room for others. */
const maxConnections = 10_000
/** Requests that a client sends on one connection before the first of them is answered. */
const maxPipelined = 100
/** Of answers that the door does not see. */
const plainHeaders = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

/** Listens on a loopback address. Stopping answers what is in flight. */
export class HttpListener implements Part {
  readonly #door: HttpDoor
  readonly #host: string
  readonly #port: number
  readonly #anyAddress: boolean
  readonly #graceMs: number
  readonly #sendOptions: SendOptions
  /** The answers of each connection that are not over, the oldest first. */
  readonly #open = new Map<Duplex, Set<ServerResponse>>()
  #isLoopback = false
  #server: Server | undefined
  #stopping: Promise<void> | undefined

  constructor(options: HttpListenerOptions) {
    const {
      door,
      host = '127.0.0.1',
      port = 3000,
      anyAddress = false,
      graceMs = 10_000,
      stalledMs = 30_000,
    } = options
    this.#door = door
    this.#anyAddress = anyAddress
    this.#host = host
    this.#port = port
    this.#graceMs = graceMs
    this.#sendOptions = { stalledMs, report: door.report }
  }

  /** `http://127.0.0.1:3000`, while it listens. */
  get url(): string | undefined {
    const address = this.#server?.address()
    if (typeof address !== 'object' || address === null) return undefined
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  }

  /**
   * Begins to listen.
   * @throws CoatcheckError `CONFIG_INVALID` for an address that is not loopback where it has to be, and one that cannot be
   * listened on
   */
  async start(): Promise<void> {
    if (this.#server) return
    if (!this.#anyAddress) checkHost(this.#host)
    const server = createServer(limits, (incoming, outgoing) => {
      const open = this.#track(incoming, outgoing, server)
      if (refuseUnreadable(incoming, outgoing)) return this.#untrack(incoming, outgoing)
      // its promise never rejects
      void this.#answer(incoming, outgoing, open > maxPipelined)
    })
    server.on('checkExpectation', (incoming, outgoing) => {
      this.#track(incoming, outgoing, server)
      refuseExpectation(incoming, outgoing)
      this.#untrack(incoming, outgoing)
    })
    server.on('clientError', (error, socket) => endUnreadable(error, socket, this.#open.get(socket) ?? []))
    server.maxConnections = maxConnections
    server.maxHeadersCount = maxHeaders
    this.#server = server
    try {
      const address = await listen(server, this.#host, this.#port)
      this.#isLoopback = isLoopback(address)
      // a hosts file may say that localhost is elsewhere
      if (!this.#isLoopback && !this.#anyAddress) {
        await close(server, 0)
        checkHost(address)
      }
    } catch (error) {
      this.#server = undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return this.#stopping
    this.#server = undefined
    this.#stopping = close(server, this.#graceMs)
    // a client that keeps its connection would keep us from ending
    for (const answers of this.#open.values())
      for (const outgoing of answers) outgoing.shouldKeepAlive = false
    this.#door.releaseWaits()
    return this.#stopping
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse, isTooMany: boolean): Promise<void> {
    const request = isTooMany
      ? answerFull(`this connection has ${maxPipelined} requests open`, plainHeaders)
      : readRequest(incoming, outgoing)
    const answer =
      request instanceof NodeRequest
        ? await this.#door.answer(request, { loopback: this.#isLoopback })
        : request
    const unread = answer.status >= 400 ? readOver(incoming) : undefined
    const sending = sendAnswer(answer, incoming, outgoing, { ...this.#sendOptions, unread })
    if (sending) await sending
    this.#untrack(incoming, outgoing)
  }

  /** @returns how many are open on its connection, with this one */
  #track({ socket }: IncomingMessage, outgoing: ServerResponse, server: Server): number {
    if (this.#server !== server) outgoing.shouldKeepAlive = false
    const answers = this.#open.get(socket)
    if (answers) return answers.add(outgoing).size
    this.#open.set(socket, new Set([outgoing]))
    socket.once('close', () => this.#open.delete(socket))
    return 1
  }

  /** An answer to a request that is still being sent stays known until it is over: what comes then is no request of its own. */
  #untrack(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const answers = this.#open.get(incoming.socket)
    if (incoming.complete) answers?.delete(outgoing)
    else outgoing.once('close', () => answers?.delete(outgoing))
  }
}

/** @returns the answer, where Host and the request line do not say what is asked for */
function readRequest(incoming: IncomingMessage, outgoing: ServerResponse): NodeRequest | Answer {
  try {
    return new NodeRequest(incoming, outgoing)
  } catch (error) {
    if (!isCoatcheckError(error)) throw error
    return answerProblem(problemOf(error.code, error.message), plainHeaders)
  }
}

function checkHost(host: string): void {
  if (isLocalHost(host)) return
  throw new CoatcheckError(
    'CONFIG_INVALID',
    `http.host is ${showValue(host)}, which others can reach, and there is no auth; set auth to say who may call, or leave http.host out to listen on 127.0.0.1`,
  )
}

/** Whether only this machine can reach what listens there, as far as the name says. */
export function isLocalHost(host: string): boolean {
  return host === 'localhost' || isLoopback(host)
}

function isLoopback(address: string): boolean {
  return /^127(?:\.\d{1,3}){3}$/.test(address) || address === '::1'
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port, backlog }, resolve)
  try {
    await promise
  } catch (error) {
    throw cannotListen(error, host, port)
  }
  server.off('error', reject)
  return (server.address() as AddressInfo).address
}

function cannotListen(error: unknown, host: string, port: number): CoatcheckError {
  const { code, message } = error as NodeJS.ErrnoException
  const why =
    code === 'EADDRINUSE'
      ? 'another program listens there; set another http.port, or 0 for any that is free'
      : code === 'EACCES'
        ? 'this user may not; set an http.port above 1023'
        : message
  return new CoatcheckError('CONFIG_INVALID', `cannot listen on port ${port} of ${host}: ${why}`, {
    cause: error,
  })
}

/** Takes no more connections and ends those that carry nothing; the others end with their answer, or after the grace. */
async function close(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await promise
  clearTimeout(timer)
}
