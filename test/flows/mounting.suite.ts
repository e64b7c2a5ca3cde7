import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { defineService, type Node } from '../../src/index.ts'
import { setup } from './setup.ts'

/** A server of a library that has a node mounted below /integration, and a route of its own: `POST /echo` with JSON. */
export interface MountedServer {
  readonly url: string
  close(): Promise<unknown>
}

interface Init extends Omit<RequestInit, 'headers'> {
  readonly headers?: Readonly<Record<string, string>>
}

/** What holds wherever a node is mounted. `mount` does it as docs/guide/mounting.md shows. */
export function mountingSuite(library: string, mount: (node: Node) => Promise<MountedServer>): void {
  const services = '/integration/services/flows'

  async function start(t: TestContext) {
    const hang = { started: Promise.withResolvers<void>(), aborted: Promise.withResolvers<void>() }
    const length = defineService({
      name: 'length',
      input: z.object({ text: z.string() }),
      execution: 'immediate',
      maxPayload: '3 MB',
      run: ({ text }) => ({ length: text.length }),
    })
    const greet = defineService({
      name: 'greet',
      input: z.object({ name: z.string() }),
      run: ({ name }) => ({ greeting: `Hello ${name}` }),
    })
    const wait = defineService({
      name: 'wait',
      input: z.object({}),
      execution: 'immediate',
      async run(_input, { signal }) {
        hang.started.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        hang.aborted.resolve()
      },
    })
    const node = await setup(t, [length, greet, wait], {
      http: { basePath: '/integration' },
      nodeTypes: ['background'],
      auth: { apiKeys: true },
      log: false,
    })
    const server = await mount(node)
    t.after(() => server.close())
    const { key } = await node.apiKeys.create({ name: 'test' })
    const authorization = `Bearer ${key}`
    const ask = (path: string, { headers = {}, ...init }: Init = {}) =>
      fetch(new URL(path, server.url), { ...init, headers: { authorization, ...headers } })
    const post = (service: string, body: RequestInit['body'], init: Init = {}) =>
      ask(`${services}/${service}`, {
        method: 'POST',
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers },
        body: body ?? null,
      })
    return { server, ask, post, hang }
  }

  test(`${library}: services answer, with links below the base path`, async (t) => {
    const { ask, post } = await start(t)
    const now = await post('length', '{"text":"four"}')
    assert.deepEqual([now.status, await now.json()], [200, { length: 4 }])

    const queued = await post('greet', '{"name":"Ada"}')
    const { id, links } = (await queued.json()) as { id: string; links: Record<string, string> }
    assert.equal(queued.status, 202)
    assert.equal(queued.headers.get('location'), `/integration/queue-items/${id}`)
    assert.match(queued.headers.get('retry-after') ?? '', /^\d+$/)
    const result = await ask(`${links['result']}?wait=20s`)
    assert.deepEqual([result.status, await result.json()], [200, { greeting: 'Hello Ada' }])
    assert.match(await (await ask(links['events'] ?? '')).text(), /^data: .*"state":"succeeded"/m)
    const head = await ask(links['self'] ?? '', { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''])
    assert.equal((await ask(links['self'] ?? '', { method: 'DELETE' })).status, 409)

    const page = await ask('/integration', { headers: { accept: 'application/json' } })
    assert.match(await page.text(), /\/integration\/services\/flows\/greet/)
    const missing = await ask(`${services}/gret`, { method: 'POST' })
    assert.equal(missing.headers.get('content-type'), 'application/problem+json')
    assert.match(await missing.text(), /did you mean \/integration\/services\/flows\/greet/)
  })

  test(`${library}: who has no key is sent away, and the routes beside stay as they are`, async (t) => {
    const { server, ask } = await start(t)
    const refused = await fetch(new URL(`${services}/greet`, server.url), { method: 'POST' })
    assert.deepEqual(
      [refused.status, refused.headers.get('www-authenticate')],
      [401, 'Bearer realm="coatcheck"'],
    )
    const own = await fetch(new URL('/echo', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"own":true}',
    })
    assert.deepEqual(await own.json(), { own: true })
    const elsewhere = await ask('/integrations')
    assert.equal(elsewhere.status, 404)
    assert.notEqual(elsewhere.headers.get('content-type'), 'application/problem+json')
  })

  test(`${library}: bodies are read, bounded and refused by the node`, async (t) => {
    const { post } = await start(t)
    // over what body parsers take unless told otherwise
    const long = await post('length', JSON.stringify({ text: 'x'.repeat(2_000_000) }))
    assert.deepEqual([long.status, await long.json()], [200, { length: 2_000_000 }])

    const tooLong = JSON.stringify({ text: 'x'.repeat(4_000_000) })
    const chunked = new Blob([tooLong]).stream()
    for (const init of [{ body: tooLong }, { body: chunked, duplex: 'half' as const }]) {
      const answer = await post('length', init.body, init)
      assert.equal(answer.status, 413)
      assert.match(await answer.text(), /"code":"PAYLOAD_TOO_LARGE"/)
    }
    for (const [body, type, status, code] of [
      ['{', 'application/json', 400, 'MALFORMED_JSON'],
      ['', 'application/json', 400, 'MALFORMED_JSON'],
      ['{"text":"x"}', 'text/plain', 415, 'UNSUPPORTED_MEDIA_TYPE'],
      ['text=x', 'application/x-www-form-urlencoded', 415, 'UNSUPPORTED_MEDIA_TYPE'],
      ['{"text":1}', 'application/json', 422, 'PAYLOAD_INVALID'],
    ] as const) {
      const answer = await post('length', body, { headers: { 'content-type': type } })
      assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [status, code])
    }
    assert.equal((await post('length', '{"text":"x"}')).status, 200)
  })

  test(`${library}: a client that goes away aborts what runs for it`, { timeout: 60_000 }, async (t) => {
    const { post, hang } = await start(t)
    const client = new AbortController()
    const asking = post('wait', '{}', { signal: client.signal })
    const refused = asking.then(({ status }) => assert.fail(`it was answered with ${status}`))
    await Promise.race([hang.started.promise, refused])
    client.abort()
    await assert.rejects(refused, { name: 'AbortError' })
    await hang.aborted.promise
  })
}
