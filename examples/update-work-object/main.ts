/**
 * A service that answers at once where it can and queues where it must, beside one that always queues. Prints `curl`s that go
 * through both; docs/guide/sync-then-queue.md explains them.
 *
 *     node examples/update-work-object/main.ts
 */
import { randomBytes } from 'node:crypto'
import { createNode, type Node } from '../../src/index.ts'
import { createApplication } from './application.ts'
import { startReceiver } from './receiver.ts'
import { tellStories } from './stories.ts'
import { createTable } from './work-objects.ts'

const port = process.env['PORT']
// processes that share a database sign alike
const secret = process.env['CALLBACK_SECRET'] ?? `whsec_${randomBytes(32).toString('base64')}`
const receiver = await startReceiver(secret)

const node: Node = await createNode({
  applications: [createApplication(() => node)],
  database: process.env['DATABASE_URL'] || 'embedded',
  directory: process.env['DIRECTORY'] ?? '.coatcheck/update-work-object',
  http: port === undefined ? {} : { port: Number(port) },
  callbacks: { secrets: [secret], allowHosts: ['127.0.0.1'] },
})
await createTable(node)
await node.start()
console.log(tellStories(node.url ?? '', receiver.url))

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    receiver.server.close()
    void node.stop()
  })
