import { getRequestListener } from '@hono/node-server'
import fastify from 'fastify'
import { mountingSuite } from './mounting.suite.ts'

// As docs/guide/mounting.md has it.
mountingSuite('Fastify', async (node) => {
  const app = fastify({ forceCloseConnections: true })
  const answer = getRequestListener((request) => node.fetch(request), { overrideGlobalObjects: false })
  await app.register(
    (integration, _options, done) => {
      integration.removeAllContentTypeParsers()
      integration.addContentTypeParser('*', (_request, _body, parsed) => parsed(null))
      for (const path of ['/', '/*'])
        integration.all(path, (request, reply) => {
          reply.hijack()
          return answer(request.raw, reply.raw)
        })
      done()
    },
    { prefix: '/integration' },
  )
  app.post('/echo', (request) => request.body)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
})
