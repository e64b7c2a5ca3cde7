import { isIP, type LookupFunction, type Socket } from 'node:net'
import { buildConnector, Client } from 'undici'
import { CoatcheckError } from '../base/errors.ts'
import type { OutboundGuard, Target } from './outbound-guard.ts'

export interface OutboundCall {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** For all of it: looking up, connecting, sending, and the answer's head. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface OutboundAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
}

const connectTimeoutMs = 10_000
/** What is read of an answer's body, so that its sender may end well; nobody sees it. */
const maxAnswerBytes = 65_536
const answerTimeoutMs = 2_000

/**
 * POSTs to a URL that came from outside, over a connection of its own to an address that the guard has checked. No redirect is
 * followed, and of the answer only its status and `Retry-After` are kept: what else it says could tell about the inside.
 * @throws CoatcheckError `OUTBOUND_REFUSED`, `TIMEOUT`; what looking up and connecting throw
 */
export async function postOutside(guard: OutboundGuard, call: OutboundCall): Promise<OutboundAnswer> {
  const { url, headers, body, timeoutMs } = call
  const late = AbortSignal.timeout(timeoutMs)
  const signal = AbortSignal.any([call.signal, late])
  try {
    const target = await guard.resolve(url, signal)
    const client = new Client(target.url.origin, {
      connect: connectTo(target),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxHeaderSize: 16_384,
      pipelining: 1,
    })
    try {
      const answer = await client.request({
        method: 'POST',
        path: target.url.pathname + target.url.search,
        headers,
        body,
        signal,
      })
      // Its status has been said: however slowly the rest comes, it changes nothing.
      const dropped = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)])
      await answer.body.dump({ limit: maxAnswerBytes, signal: dropped }).catch(() => undefined)
      const retryAfter = answer.headers['retry-after']
      return {
        status: answer.statusCode,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      }
    } finally {
      // Nothing is kept open: the next call looks the host up, and checks it, again.
      await client.destroy()
    }
  } catch (error) {
    if (late.aborted && !call.signal.aborted)
      throw new CoatcheckError('TIMEOUT', `it was not answered within ${timeoutMs} ms`, { cause: error })
    throw error
  }
}

/** Connects to nothing but the addresses of a target. A literal is connected to without a look-up, so both are held against them. */
function connectTo({ addresses }: Target): buildConnector.connector {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const lookup: LookupFunction = (_host, options, tell) => {
    const [first] = found
    if (options.all) tell(null, found)
    else tell(null, first?.address ?? '', first?.family ?? 0)
  }
  const connect = buildConnector({
    timeout: connectTimeoutMs,
    lookup,
    autoSelectFamily: true,
    socketPath: null,
  })
  return (options, tell) =>
    connect(options, (error, socket) => {
      if (error) return tell(error, null)
      if (isAmong(addresses, socket)) return tell(null, socket)
      socket.destroy()
      return tell(
        new CoatcheckError(
          'OUTBOUND_REFUSED',
          `the connection went to ${socket.remoteAddress}, not to ${addresses.join(' or ')}`,
        ),
        null,
      )
    })
}

function isAmong(addresses: readonly string[], { remoteAddress }: Socket): boolean {
  if (remoteAddress === undefined) return false
  return addresses.some((address) => canonical(address) === canonical(remoteAddress))
}

function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address
}
