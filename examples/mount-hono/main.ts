/**
 * A node inside a server of yours, here of Hono: its services answer below /integration, beside your own routes. Callers
 * sign in with API keys: a mounted node without `auth` answers 503 AUTH_REQUIRED.
 *
 *     node examples/mount-hono/main.ts
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
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
  directory: process.env['DIRECTORY'] ?? '.coatcheck/mount-hono',
  // one of type `web` would listen itself; `fetch` answers on every node
  nodeTypes: ['background'],
  http: { basePath: '/integration' },
  auth: { apiKeys: true },
})
await node.start()

const app = new Hono()
app.get('/', (c) => c.text('Your own routes.\n'))
// the whole path goes to the node: its links begin with the base path
app.all('/integration/*', (c) => node.fetch(c.req.raw))

const { key } = await node.apiKeys.create({ name: 'example', expires: '1 hour' })
const port = Number(process.env['PORT'] ?? 3000)
const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => {
  const url = `http://127.0.0.1:${address.port}/integration/services/hr/hire-worker`
  console.log(
    `curl -i -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -H 'prefer: wait=10' -d '{"employeeId":"42"}' ${url}`,
  )
})

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    server.close()
    void node.stop()
  })
