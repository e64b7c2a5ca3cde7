import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

const perSecond = 40
const limitMs = 30_000

export interface GoodReport {
  /** From the request to the whole answer, sorted. */
  readonly ms: readonly number[]
  /** Requests that were not answered as they should be. */
  readonly failures: readonly string[]
}

/** Clients who come at a steady pace, most over connections that they keep, every fourth over a new one. */
export async function askWell(url: string, seconds: number): Promise<GoodReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: 10 })
  const ms: number[] = []
  const failures: string[] = []
  const ask = async (at: number): Promise<void> => {
    const began = performance.now()
    try {
      const status = await post(`${url}/services/chaos/echo`, { at }, at % 4 === 0 ? false : agent)
      if (status !== 200) failures.push(`answered ${status}`)
    } catch (error) {
      failures.push((error as Error).message)
    }
    ms.push(performance.now() - began)
  }
  const began = performance.now()
  const asked: Promise<void>[] = []
  for (let at = 0; at < seconds * perSecond; at++) {
    await delay(Math.max(0, began + (at * 1_000) / perSecond - performance.now()))
    asked.push(ask(at))
  }
  await Promise.all(asked)
  agent.destroy()
  return { ms: ms.toSorted((a, b) => a - b), failures }
}

/** @returns the status */
async function post(url: string, body: object, agent: Agent | false): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const sending = request(url, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(limitMs),
  })
  sending.on('error', reject)
  sending.on('response', (response) => {
    text(response).then(() => resolve(response.statusCode ?? 0), reject)
  })
  sending.end(JSON.stringify(body))
  return promise
}
