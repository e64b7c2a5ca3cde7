import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createNode, defineApplication, defineService } from '../../src/index.ts'
import { benchInput } from '../definitions.ts'
import { payload } from '../payload.ts'
import { runTask } from '../process.ts'
import { RawClient } from './raw-client.ts'

export interface HttpParameters {
  readonly url: string
  readonly requests: number
  /** Connections, each with one request at a time. */
  readonly connections: number
}

export interface HttpResult {
  readonly requests: number
  readonly seconds: number
}

/** What a queued request is answered with, to the byte as long. */
const id = '0199f3a1-7c00-8001-8001-5f3c9a2b1000'
const self = `/queue-items/${id}`
const ticket = JSON.stringify({
  id,
  state: 'ready',
  links: { self, result: `${self}/result`, events: `${self}/events` },
})

const take = defineService({ name: 'take', input: benchInput, run: () => null })
const application = defineApplication({ name: 'bench', definitions: [take] })

/** Requests that are durable before they are answered with 202. */
export async function httpCoatcheck({ url, ...load }: HttpParameters): Promise<HttpResult> {
  const node = await createNode({
    applications: [application],
    database: url,
    nodeTypes: ['web'],
    http: { port: 0 },
    log: false,
  })
  await node.start()
  const result = await runTask('httpLoad', { ...load, to: `${node.url}/services/bench/take`, status: 202 })
  const { rows } = await node.query('select coalesce(sum(n), 0)::int as count from coatcheck.log')
  await node.stop()
  const count = rows[0]?.['count']
  if (count !== result.sent) throw new Error(`${String(count)} items are there; ${result.sent} were sent`)
  return result
}

/** A server of Node that reads the body, parses it, and answers with the same bytes. */
export async function httpBare({ requests, connections }: HttpParameters): Promise<HttpResult> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString())
      response.writeHead(202, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(ticket),
        location: self,
        'retry-after': '1',
      })
      response.end(ticket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const result = await runTask('httpLoad', {
    requests,
    connections,
    to: `http://127.0.0.1:${port}/take`,
    status: 202,
  })
  server.closeAllConnections()
  server.close()
  return result
}

/** The same accepts without HTTP. */
export async function httpWithout({ url, requests, connections }: HttpParameters): Promise<HttpResult> {
  const node = await createNode({ applications: [application], database: url, http: false, log: false })
  let left = warmUp * connections
  const caller = async (): Promise<void> => {
    while (left-- > 0) await node.enqueue(take, payload(left))
  }
  await Promise.all(Array.from({ length: connections }, caller))
  left = requests
  const began = performance.now()
  await Promise.all(Array.from({ length: connections }, caller))
  const seconds = (performance.now() - began) / 1000
  await node.stop()
  return { requests, seconds }
}

/** Requests of each connection before it is measured: a server that runs for days has compiled what it runs. */
const warmUp = 100

export interface LoadParameters {
  readonly to: string
  readonly requests: number
  readonly connections: number
  readonly status: number
}

/** Sends requests over so many connections, from a process of its own. */
export async function httpLoad({ to, requests, connections, status }: LoadParameters) {
  const clients = await Promise.all(Array.from({ length: connections }, () => RawClient.open(new URL(to))))
  let left = warmUp * connections
  const caller = async (client: RawClient): Promise<void> => {
    while (left-- > 0) {
      const answered = await client.post(JSON.stringify(payload(left)))
      if (answered !== status) throw new Error(`${to} answered ${answered}`)
    }
  }
  await Promise.all(clients.map(caller))
  left = requests
  const began = performance.now()
  await Promise.all(clients.map(caller))
  const seconds = (performance.now() - began) / 1000
  for (const client of clients) client.close()
  return { requests, seconds, sent: requests + warmUp * connections }
}
