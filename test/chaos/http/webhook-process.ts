import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import {
  createNode,
  defineApplication,
  defineQueueProcessor,
  isCoatcheckError,
  verifyWebhook,
  WebhookVerificationError,
  type Node,
} from '../../../src/index.ts'

/** How the process is to be: JSON in its first argument. */
export interface WebhookSettings {
  readonly database: string
  /** Those that are in use. */
  readonly secrets: readonly string[]
}

const inbound = defineQueueProcessor({ name: 'inbound', input: z.any(), process: () => 'done' })

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as WebhookSettings)

/** What the guide says of receiving: a webhook is verified as it came, and becomes one item, whose unique key is its id. */
async function main({ database, secrets }: WebhookSettings): Promise<void> {
  const applications = [defineApplication({ name: 'hooks', definitions: [inbound] })]
  const node = await createNode({ applications, database, http: false, log: false })
  await node.start()
  const server = createServer((request, response) => {
    void answer(request, node, secrets).then((status) => response.writeHead(status).end())
  })
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
  process.on('disconnect', () => process.exit(1))
}

async function answer(request: IncomingMessage, node: Node, secrets: readonly string[]): Promise<number> {
  try {
    const body = await buffer(request)
    const payload = verifyWebhook(secrets, request.headers, body)
    const uniqueKey = String(request.headers['webhook-id'])
    const { outcome } = await node.accept(inbound, payload, { uniqueKey })
    return outcome === 'new' ? 201 : 200
  } catch (error) {
    if (error instanceof WebhookVerificationError) return 400
    // Signed, and of an id that stands for something else.
    return isCoatcheckError(error, 'UNIQUE_KEY_REUSED') ? 409 : 500
  }
}
