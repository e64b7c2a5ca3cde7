import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { newRelease, oldRelease, readRecord, type Subdivision } from './records.ts'

export interface PartnerOptions {
  /** How long an answer takes. */
  readonly latencyMs: number
  /** Every so many-th change is answered with a 500. */
  readonly failEvery: number
  /** Calls a second; more are answered with a 429. */
  readonly callsPerSecond: number
}

export const usualPartner: PartnerOptions = { latencyMs: 500, failEvery: 50, callsPerSecond: 250 }

/** How the partner names itself, so that a second process knows it from whatever else listens there. */
export const partnerName = 'subdivision register'

/** What the partner says of a subdivision. */
export interface Registration extends Subdivision {
  /** Its own number of the entry. */
  readonly reference: string
}

/** The other system: slow, sometimes broken, and it does not take any number of calls. It knows the old release from before. */
export function createPartner(options: PartnerOptions): Server {
  const told = new Map<string, Subdivision | undefined>()
  const allow = limitRate(options.callsPerSecond)
  let changes = 0

  return createServer((request, response) => {
    const code = /^\/subdivisions\/([A-Z0-9-]{1,10})$/.exec(request.url ?? '')?.[1]
    if (code === undefined) return send(response, 200, { partner: partnerName })
    if (!allow()) return send(response, 429, { error: 'too many calls' }, { 'retry-after': '1' })
    if (request.method !== 'GET' && ++changes % options.failEvery === 0)
      return send(response, 500, { error: 'the register stumbled' })
    setTimeout(() => void answer(request, response, code), options.latencyMs)
  })

  async function answer(request: IncomingMessage, response: ServerResponse, code: string): Promise<void> {
    if (request.method === 'PUT') told.set(code, await readBody(request))
    if (request.method === 'DELETE') told.set(code, undefined)
    const known = told.has(code)
      ? told.get(code)
      : (readRecord({ code, release: oldRelease }) ?? readRecord({ code, release: newRelease }))
    if (known) return send(response, 200, { ...known, reference: `R-${code}` } satisfies Registration)
    return send(response, request.method === 'DELETE' ? 200 : 404, { code })
  }
}

/** A bucket of calls that fills up again as time goes by. */
function limitRate(perSecond: number): () => boolean {
  let calls = perSecond
  let at = performance.now()
  return () => {
    const now = performance.now()
    calls = Math.min(perSecond, calls + ((now - at) / 1000) * perSecond)
    at = now
    if (calls < 1) return false
    calls -= 1
    return true
  }
}

async function readBody(request: IncomingMessage): Promise<Subdivision> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString()) as Subdivision
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
