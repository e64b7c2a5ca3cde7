import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { Validator } from '@seriousme/openapi-schema-validator'
import { z } from 'zod'
import { defineApplication, defineService } from '../../src/define/define.ts'
import { createHttpDoor } from '../../src/http/door.ts'
import { bodyOf, setupDoor } from './door-setup.ts'
import { MemoryRoad } from './memory-road.ts'

// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>

/** The document of a node with these services, which has to be valid. */
async function documentOf(...definitions: Parameters<typeof defineApplication>[0]['definitions']) {
  const road = new MemoryRoad(defineApplication({ name: 'hr', definitions }))
  const door = createHttpDoor({ road, durability: 'development', name: 'test' })
  const answer = await door.fetch(new Request('http://localhost/openapi.json'), { loopback: true })
  const document = (await answer.json()) as Json
  assert.deepEqual(await new Validator().validate(structuredClone(document)), { valid: true })
  return document
}

function at(document: unknown, pointer: string): unknown {
  const parts = pointer
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | undefined)?.[part],
    document,
  )
}

test('the description is valid OpenAPI 3.1, and all that it refers to is there', async () => {
  const { ask } = setupDoor({ basePath: '/in' })
  const answer = await ask('/in/openapi.json')
  assert.equal(answer.headers.get('content-type'), 'application/json')
  const document = await bodyOf(answer)
  assert.equal(document['openapi'], '3.1.1')
  assert.deepEqual(document['servers'], [{ url: '/in' }])
  assert.deepEqual(await new Validator().validate(structuredClone(document)), { valid: true })
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!)
  assert.ok(references.length > 20)
  for (const to of references) assert.notEqual(at(document, to), undefined, to)
  const operations = [...JSON.stringify(document).matchAll(/"operationId":"([^"]+)","summary"/g)].map(
    ([, id]) => id,
  )
  const linked = [...JSON.stringify(document['components']).matchAll(/"operationId":"([^"]+)"/g)].map(
    ([, id]) => id,
  )
  assert.ok(linked.length > 0)
  for (const id of linked) assert.ok(operations.includes(id), id)
  assert.deepEqual(new Set(operations).size, operations.length)
})

test('a service is described by its schemas, its path, and how it answers', async () => {
  const document = await documentOf(
    defineService({
      name: 'hire',
      input: z.object({ employeeId: z.string(), on: z.coerce.date<string>() }),
      output: z.object({ account: z.string(), at: z.date() }),
      run: () => ({ account: 'a', at: new Date(0) }),
    }),
    defineService({
      name: 'now',
      input: z.string(),
      execution: 'immediate',
      respondAsync: false,
      idempotency: { required: true },
      http: { path: '/v1/now' },
      run: () => 1,
    }),
    defineService({ name: 'shy', input: z.string(), callback: false, run: () => 1 }),
  )
  const shy = at(document, '#/paths/~1services~1hr~1shy/post') as Json
  assert.deepEqual(
    [shy['callbacks'], JSON.stringify(shy).includes('CallbackUrl'), JSON.stringify(shy).includes('202')],
    [undefined, false, true],
  )
  const { hire, now } = {
    hire: at(document, '#/paths/~1services~1hr~1hire/post') as Json,
    now: at(document, '#/paths/~1v1~1now/post') as Json,
  }
  assert.equal(hire['operationId'], 'hr.hire')
  assert.deepEqual(at(document, '#/components/schemas/hr.hire.input'), {
    type: 'object',
    properties: { employeeId: { type: 'string' }, on: { type: 'string', format: 'date-time' } },
    required: ['employeeId', 'on'],
  })
  assert.deepEqual(at(document, '#/components/schemas/hr.hire.output/properties/at'), {
    type: 'string',
    format: 'date-time',
  })
  assert.deepEqual(Object.keys(hire['responses']).includes('202'), true)
  assert.ok(at(hire, '#/callbacks/ended/{$request.header.callback-url}'))
  // It never queues.
  assert.equal(at(now, '#/responses/202'), undefined)
  assert.equal(now['callbacks'], undefined)
  const key = (now['parameters'] as { name?: string; required?: boolean }[]).find(
    ({ name }) => name === 'Idempotency-Key',
  )
  assert.equal(key?.required, true)
})

test('schemas that refer to themselves, or say nothing of themselves', async () => {
  const Tree = z.object({
    name: z.string(),
    get kids() {
      return z.array(Tree)
    },
  })
  const mute = {
    '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
  } as const
  const document = await documentOf(
    defineService({ name: 'tree', input: Tree, run: () => 1 }),
    defineService({ name: 'mute', input: mute, run: () => 1 }),
    defineService({ name: 'odd', input: z.object({ n: z.bigint() }), run: () => 1 }),
  )
  assert.deepEqual(at(document, '#/components/schemas/hr.tree.input/properties/kids/items'), {
    $ref: '#/components/schemas/hr.tree.input',
  })
  const bodyOfMute = '#/paths/~1services~1hr~1mute/post/requestBody/content/application~1json/schema'
  assert.deepEqual(at(document, bodyOfMute), {})
  assert.deepEqual(at(document, '#/components/schemas/hr.odd.input/properties/n'), {})
})

test('the API page and all that it loads come from the node', async () => {
  const { ask } = setupDoor({ basePath: '/in' })
  const page = await ask('/in/docs')
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
  const html = await page.text()
  assert.doesNotMatch(html, /https?:/)
  const loaded = [...html.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(
    ([, path]) => new URL(path!, 'http://a/in/docs').pathname,
  )
  assert.equal(loaded.length, 4)
  for (const path of loaded) assert.equal((await ask(path)).status, 200, path)
  assert.equal((await ask('/in/docs/../../../package.json')).status, 404)
})

/** Runs `open.js` of the API page in a browser whose theme this is. */
async function openApiPage(isDark: boolean) {
  const { ask } = setupDoor()
  const root = new Set<string>()
  const query = Object.assign(new EventTarget(), { matches: isDark })
  const classList = {
    toggle: (name: string, isOn: boolean) => void (isOn ? root.add(name) : root.delete(name)),
  }
  runInNewContext(await (await ask('/docs/open.js')).text(), {
    document: { documentElement: { classList } },
    matchMedia: (media: string) => (media === '(prefers-color-scheme: dark)' ? query : undefined),
    SwaggerUIBundle: () => undefined,
  })
  return {
    root,
    changeTo: (toDark: boolean) => {
      query.matches = toDark
      query.dispatchEvent(new Event('change'))
    },
  }
}

test('the API page has the theme of the browser, also when it changes', async () => {
  const light = await openApiPage(false)
  assert.deepEqual([...light.root], [])
  light.changeTo(true)
  assert.deepEqual([...light.root], ['dark-mode'])
  const { root, changeTo } = await openApiPage(true)
  assert.deepEqual([...root], ['dark-mode'])
  changeTo(false)
  assert.deepEqual([...root], [])
  // the class is one that the stylesheet knows
  const style = await (await setupDoor().ask('/docs/swagger-ui.css')).text()
  assert.match(style, /html\.dark-mode\{/)
})

test('pages bring their icon along, as their policy allows', async () => {
  const { ask } = setupDoor()
  for (const path of ['/', '/docs']) {
    const page = await ask(path, { headers: { accept: 'text/html' } })
    assert.match(page.headers.get('content-security-policy') ?? '', /img-src [^;]*data:/)
    const [, icon = ''] =
      /<link rel="icon" href="data:image\/svg\+xml,([^"]+)">/.exec(await page.text()) ?? []
    assert.match(decodeURIComponent(icon), /^<svg xmlns="[^"]+" [^]+<\/svg>$/)
  }
})
