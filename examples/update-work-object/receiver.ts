import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { verifyWebhook } from '../../src/index.ts'

/** A caller's own server, which callbacks are posted to: prints those that are signed. */
export async function startReceiver(secret: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    text(request)
      .then((body) => {
        const { type, data } = verifyWebhook(secret, request.headers, body) as { type: string; data: unknown }
        console.log(`callback: ${type} ${JSON.stringify(data)}`)
        response.writeHead(204).end()
      })
      .catch(() => response.writeHead(400).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/updated` }
}
