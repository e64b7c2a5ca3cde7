/**
 * A node inside a server of yours, here of Express: its services answer below /integration, beside your own routes.
 * docs/guide/mounting.md does the same in Hono, Fastify and Next.js.
 *
 *     node examples/mount-express/main.ts
 */
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { z } from 'zod'
import { createNode, defineApplication, defineService } from '../../src/index.ts'

const hireWorker = defineService({
  name: 'hire-worker',
  input: z.object({ employeeId: z.string() }),
  run: ({ employeeId }, { context }) => ({ account: `a-${employeeId}`, hiredBy: context.operator }),
})

const node = await createNode({
  applications: [defineApplication({ name: 'hr', definitions: [hireWorker] })],
  database: process.env['DATABASE_URL'] || 'embedded',
  directory: process.env['DIRECTORY'] ?? '.coatcheck/mount-express',
  // one of type `web` would listen itself; `fetch` answers on every node
  nodeTypes: ['background'],
  http: { basePath: '/integration' },
  auth: { apiKeys: true },
})
await node.start()

const app = express()
// `all`, which leaves the path as it is: `use` would cut the base path off. Before body parsers: the node reads bodies itself
app.all(
  '/integration{/*path}',
  getRequestListener((request) => node.fetch(request), { overrideGlobalObjects: false }),
)
app.use(express.json())
app.post('/echo', (request, response) => void response.json(request.body))

const { key } = await node.apiKeys.create({ name: 'example', expires: '1 hour' })
const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', (error) => {
  if (error) throw error
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/integration/services/hr/hire-worker`
  console.log(
    `curl -i -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -d '{"employeeId":"42"}' ${url}`,
  )
})

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    server.close()
    void node.stop()
  })
