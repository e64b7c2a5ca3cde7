import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createAdaptorServer } from '@hono/node-server'
import type { Node } from '../../src/index.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { mountingSuite } from './mounting.suite.ts'
import { DELETE, GET, POST, runtime } from './next-app/app/integration/[[...path]]/route.ts'
import { getNode } from './next-app/lib/node.ts'

const place = globalThis as { coatcheck?: Promise<Node> }

/** Calls the functions of the route as Next does: by method, HEAD as GET. What Next itself does to requests is not here. */
mountingSuite('Next.js', async (node) => {
  place.coatcheck = Promise.resolve(node)
  const server = createAdaptorServer({
    overrideGlobalObjects: false,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/echo') return Response.json(await request.json())
      if (!/^\/integration(?:\/|$)/.test(pathname)) return new Response('Not found', { status: 404 })
      const handlers = { GET, HEAD: GET, POST, DELETE }
      return handlers[request.method as keyof typeof handlers](request)
    },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
})

test('a process has one node, and one that could not start is tried again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-mount-next-'))
  const { DATABASE_URL: before } = process.env
  const cwd = process.cwd()
  after(async () => {
    process.chdir(cwd)
    if (before === undefined) delete process.env['DATABASE_URL']
    else process.env['DATABASE_URL'] = before
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  // where the embedded database will be
  process.chdir(directory)
  delete place.coatcheck
  process.env['DATABASE_URL'] = 'postgres://127.0.0.1:1/nowhere'
  await assert.rejects(getNode())

  process.env['DATABASE_URL'] = testDatabase().kind === 'pglite' ? 'embedded' : await freshDatabase()
  const [node, same] = await Promise.all([getNode(), getNode()])
  try {
    assert.equal(same, node)
    // as the dev server does after a change
    const again = (await import(`./next-app/lib/node.ts?${'again'}`)) as { getNode: typeof getNode }
    assert.notEqual(again.getNode, getNode)
    assert.equal(await again.getNode(), node)
    const health = await GET(new Request('http://localhost/integration/healthz'))
    assert.equal(health.status, 200)
    assert.equal(runtime, 'nodejs')
  } finally {
    await node.stop()
  }
})

test('the guide shows the files that are tested here', async () => {
  const guide = await readFile(new URL('../../docs/guide/mounting.md', import.meta.url), 'utf8')
  for (const path of ['lib/node.ts', 'app/integration/[[...path]]/route.ts']) {
    const file = await readFile(join(import.meta.dirname, 'next-app', path), 'utf8')
    const shown = file
      .replace(/'[./]+\/src\/index\.ts'/, `'coatcheck'`)
      .replace(/from '(\.[^']*)\.ts'/g, `from '$1'`)
      .replace(`process.env['DATABASE_URL']`, 'process.env.DATABASE_URL')
    assert.ok(
      guide.includes(`\`\`\`ts\n// ${path}\n${shown}\`\`\``),
      `docs/guide/mounting.md does not show ${path}`,
    )
  }
})
