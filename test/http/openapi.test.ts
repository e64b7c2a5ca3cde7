import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { Validator } from '@seriousme/openapi-schema-validator'
import { z } from 'zod'
import { createApplication } from '../../examples/directory-sync/application.ts'
import { usualPartner } from '../../examples/directory-sync/partner-server.ts'
import { Partner } from '../../examples/directory-sync/partner.ts'
import { defineApplication, defineService } from '../../src/define/define.ts'
import { signInRequired, type Caller } from '../../src/http/caller.ts'
import { createHttpDoor } from '../../src/http/door.ts'
import { bodyOf, setupDoor } from './door-setup.ts'
import { inlined } from './inlined.ts'
import { MemoryRoad } from './memory-road.ts'

// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>

/** The document of a node with these services, which has to be valid. */
async function documentOf(...definitions: Parameters<typeof defineApplication>[0]['definitions']) {
  return documentOfApplication(defineApplication({ name: 'hr', definitions }))
}

async function documentOfApplication(application: ReturnType<typeof defineApplication>) {
  const road = new MemoryRoad(application)
  const checkCallback = (url: string) => new URL(url)
  const door = createHttpDoor({ road, durability: 'development', name: 'test', checkCallback })
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

test('the document of the first example is valid, and shows how to call it', async () => {
  const partner = new Partner(0, usualPartner)
  const document = await documentOfApplication(createApplication(partner, 'test').application)
  const look = '#/paths/~1services~1directory-sync~1look-up-subdivision/post'
  assert.deepEqual(at(document, `${look}/requestBody/content/application~1json/example`), { code: 'AD-02' })
  assert.deepEqual(
    Object.keys(document['paths'] as Json).filter((path) => path.startsWith('/services/')),
    ['/services/directory-sync/look-up-subdivision'],
  )
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

const payroll: Caller = { kind: 'key', id: 'key', name: 'payroll', roles: [] }
const rate = { quota: 600, windowMs: 60_000 }

/** The document of a node with services of each kind, and what else it says of itself. */
async function setupDocument(options: Parameters<typeof setupDoor>[0] = {}) {
  const setup = setupDoor(options)
  const document = (await bodyOf(await setup.ask('/openapi.json'))) as Json
  const operations = Object.entries(document['paths'] as Json).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => ({
      name: `${method} ${path}`,
      operation: operation as Json,
    })),
  )
  return { ...setup, document, operations }
}

/** The nodes whose documents differ. */
const nodes: Record<string, Parameters<typeof setupDoor>[0]> = {
  'that asks nobody to sign in': {},
  'with callbacks': { checkCallback: (url) => new URL(url) },
  'that callers sign in to': { auth: { signIn: { callerOf: () => Promise.resolve(payroll) } } },
  'that limits its callers': { auth: { signIn: { callerOf: () => Promise.resolve(payroll) }, rate } },
}

for (const [which, options] of Object.entries(nodes))
  test(`the document of a node ${which}: valid, explained, and all that is defined is used`, async () => {
    const { document, operations } = await setupDocument(options)
    assert.deepEqual(await new Validator().validate(structuredClone(document)), { valid: true })
    const text = JSON.stringify(document)
    for (const [, to] of text.matchAll(/"\$ref":"([^"]+)"/g)) assert.ok(at(document, to!), to)
    for (const [kind, parts] of Object.entries(document['components'] as Json))
      for (const name of Object.keys(parts as Json))
        // schemes are used by name, services show their key in their own parameter, and their schemas to who looks for them
        if (kind !== 'securitySchemes' && name !== 'IdempotencyKey')
          assert.ok(text.includes(`"#/components/${kind}/${name}"`), `${kind} ${name} is not used`)
    const tags = (document['tags'] as Json[]).map(({ name, description }) => [name, Boolean(description)])
    for (const { name, operation } of operations) {
      assert.ok(operation['summary'].length > 5, name)
      assert.ok(operation['description'].length > 20, name)
      for (const tag of operation['tags']) assert.deepEqual(Object.fromEntries(tags)[tag], true, tag)
      for (const answer of Object.values(inlined(operation['responses'], document) as Json))
        assert.ok(answer.description.length > 3, name)
    }
  })

for (const [which, options] of Object.entries(nodes))
  test(`the examples in the document of a node ${which} fit their schemas`, async () => {
    const { document } = await setupDocument(options)
    let count = 0
    const check = (value: unknown, schema: unknown) => {
      count++
      const fits = z.fromJSONSchema(inlined(schema, document) as Parameters<typeof z.fromJSONSchema>[0])
      assert.deepEqual(fits.safeParse(value).error?.issues ?? [], [], JSON.stringify(value))
    }
    const walk = (part: unknown): void => {
      if (typeof part !== 'object' || part === null) return
      const { example, schema, examples } = part as Json
      if (example !== undefined) check(example, schema)
      if (Array.isArray(examples)) for (const each of examples) check(each, part)
      Object.values(part).forEach(walk)
    }
    walk(document)
    assert.ok(count > 15, String(count))
    const body = '#/paths/~1services~1hr~1hire-worker/post/requestBody/content/application~1json/example'
    assert.deepEqual(at(document, body), { employeeId: 'text' })
  })

test('what may not fit the schema of the input is no example, and no code of a schema runs for one', async () => {
  const never = () => assert.fail('it ran')
  const inputs = {
    code: z.string().regex(/^\d+$/),
    long: z.string().min(20),
    tuple: z.tuple([z.string()]),
    record: z.record(z.string(), z.number()),
    any: z.any(),
    some: z.array(z.string()).min(2),
    wrong: z
      .number()
      .max(5)
      .meta({ examples: [7] }),
    asks: z.string().refine(never),
    mail: z.email(),
    count: z.int(),
    few: z.int().min(3).max(9),
    choice: z.union([z.literal('a'), z.null()]),
    list: z.array(z.object({ on: z.iso.date(), id: z.uuid(), at: z.iso.datetime() })),
  }
  const document = await documentOf(
    ...Object.entries(inputs).map(([name, input]) => defineService({ name, input, run: () => 1 })),
  )
  const examples = Object.keys(inputs).map((name) => [
    name,
    at(document, `#/paths/~1services~1hr~1${name}/post/requestBody/content/application~1json/example`),
  ])
  assert.deepEqual(Object.fromEntries(examples), {
    code: undefined,
    long: undefined,
    tuple: undefined,
    record: undefined,
    any: undefined,
    some: undefined,
    wrong: undefined,
    asks: 'text',
    mail: 'ada@example.com',
    count: 1,
    few: 3,
    choice: 'a',
    list: [{ on: '2026-01-31', id: '123e4567-e89b-42d3-a456-426614174000', at: '2026-01-31T12:00:00Z' }],
  })
})

test('the schema of the input comes before that of the output', async () => {
  const document = await documentOf(
    defineService({ name: 'hire', input: z.string(), output: z.string(), run: () => 'a' }),
  )
  const names = Object.keys(at(document, '#/components/schemas') as Json)
  assert.deepEqual(names.slice(0, 2), ['hr.hire.input', 'hr.hire.output'])
})

test('callbacks are described where the node offers them, and nowhere else', async () => {
  const { operations, document } = await setupDocument()
  assert.doesNotMatch(JSON.stringify(document), /callback/i)
  assert.ok(operations.length > 5)
  const offering = await setupDocument({ checkCallback: (url) => new URL(url) })
  const hire = at(offering.document, '#/paths/~1services~1hr~1hire-worker/post') as Json
  assert.ok(hire['callbacks'])
  assert.match(JSON.stringify(hire['parameters']), /parameters\/CallbackUrl/)
})

test('a callback asks for no credentials of the node, and has what its receiver checks', async () => {
  const { document } = await setupDocument({
    auth: { signIn: { callerOf: () => Promise.resolve(payroll) } },
    checkCallback: (url) => new URL(url),
  })
  const { callbacks } = at(document, '#/paths/~1services~1hr~1hire-worker/post') as Json
  const { post } = callbacks.ended['{$request.header.callback-url}'] as Json
  assert.deepEqual(post.security, [])
  assert.deepEqual(
    (post.parameters as Json[]).map(({ name, required }) => [name, required]),
    ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'traceparent'].map((name) => [name, true]),
  )
})

for (const [which, options] of Object.entries(nodes))
  test(`all answers of a node ${which} say what the request is found by, and items what else may go wrong`, async () => {
    const { document, operations } = await setupDocument(options)
    for (const { name, operation } of operations) {
      const answers = inlined(operation['responses'], document) as Json
      for (const [status, { headers = {} }] of Object.entries(answers))
        for (const header of ['X-Correlation-Id', 'X-Request-Id', 'traceparent'])
          assert.ok(header in headers, `${header} of ${status} of ${name}`)
      assert.equal('default' in answers, !/healthz|readyz/.test(name), name)
    }
    const queued = at(document, '#/components/responses/Queued/headers') as Json
    assert.ok(queued['Idempotency-Replayed'])
    const hire = inlined(at(document, '#/paths/~1services~1hr~1hire-worker/post'), document) as Json
    const taken = (hire['parameters'] as Json[]).map(({ name }) => name)
    for (const name of ['X-Correlation-Id', 'X-Request-Id', 'traceparent'])
      assert.ok(taken.includes(name), name)
  })

/** The statuses of operations that callers may be refused with, and which answers tell of a limit. */
function refusalsOf({ operations, document }: Awaited<ReturnType<typeof setupDocument>>) {
  return Object.fromEntries(
    operations.map(({ name, operation }) => {
      const answers = inlined(operation['responses'], document) as Json
      const refused = ['401', '403', '429'].filter((status) => status in answers)
      const limited = Object.keys(answers).filter((status) => 'RateLimit' in (answers[status].headers ?? {}))
      const all = limited.length === Object.keys(answers).filter((status) => status !== '401').length
      return [
        name,
        [...refused, ...(limited.length === 0 ? [] : [all ? 'limited' : limited.join()])].join(' '),
      ]
    }),
  )
}

test('who signs in is told of 401 and 403, who has a limit of 429 and RateLimit, others of neither', async () => {
  const whose = async (name: keyof typeof nodes) => refusalsOf(await setupDocument(nodes[name]))
  const expected = (service: string, item: string, mayForbid: string) => ({
    'post /services/hr/hire-worker': service,
    'post /v1/obey': service,
    'post /services/hr/insist': service,
    'get /queue-items/{id}': item,
    'delete /queue-items/{id}': mayForbid,
    'get /queue-items/{id}/result': mayForbid,
    'get /queue-items/{id}/events': item,
    'get /healthz': '',
    'get /readyz': '',
  })
  assert.deepEqual(await whose('that asks nobody to sign in'), expected('403', '403', '403'))
  assert.deepEqual(await whose('that callers sign in to'), expected('401 403', '401', '401 403'))
  const limited = expected('401 403 429 limited', '401 429 limited', '401 403 429 limited')
  assert.deepEqual(await whose('that limits its callers'), limited)
  // a key of its own rate, where the node has none
  const signIn = { callerOf: () => Promise.resolve({ ...payroll, rate }) }
  assert.deepEqual(refusalsOf(await setupDocument({ auth: { signIn } })), limited)
  const { document } = await setupDocument({ auth: { signIn } })
  assert.deepEqual(
    [document['security'], at(document, '#/paths/~1healthz/get/security')],
    [[{ bearer: [] }], []],
  )
})

test('a service that is open to all asks for no credentials, and takes them', async () => {
  const auth = {
    signIn: { callerOf: () => Promise.resolve(payroll) },
    anonymousServices: ['hr/obey', 'hr/elsewhere'],
  }
  const { document } = await setupDocument({ auth })
  assert.deepEqual(at(document, '#/paths/~1v1~1obey/post/security'), [{}, { bearer: [] }])
  const paths = document['paths'] as Record<string, { post?: object }>
  assert.equal('security' in (paths['/services/hr/hire-worker']?.post ?? {}), false)
  assert.deepEqual(document['security'], [{ bearer: [] }])
})

test('callers with a limit and without get a document each', async () => {
  let caller: Caller = payroll
  const { ask } = setupDoor({ auth: { signIn: { callerOf: () => Promise.resolve(caller) } } })
  const before = await (await ask('/openapi.json')).text()
  caller = { ...payroll, rate }
  assert.match(await (await ask('/openapi.json')).text(), /RateLimit-Policy/)
  caller = payroll
  assert.equal(await (await ask('/openapi.json')).text(), before)
})

test('401, 403 and 429 are answered as the document says', async () => {
  let caller: Caller | undefined = { ...payroll, services: ['hr/obey'] }
  const { document, post } = await setupDocument({
    auth: {
      signIn: { callerOf: () => (caller ? Promise.resolve(caller) : Promise.reject(signInRequired())) },
      rate: { quota: 2, windowMs: 60_000 },
    },
  })
  const { responses } = inlined(at(document, '#/paths/~1v1~1obey/post'), document) as Json
  const trail = { 'x-request-id': 'r-1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
  const refused = await post('/services/hr/hire-worker', {}, trail)
  const spent = await post('/v1/obey', {}, trail)
  caller = undefined
  const unknown = await post('/v1/obey', {}, trail)
  for (const [status, answer] of Object.entries({ 401: unknown, 403: refused, 429: spent })) {
    assert.equal(String(answer.status), status)
    for (const name of Object.keys(responses[status].headers)) assert.ok(answer.headers.get(name), name)
    const { schema } = responses[status].content['application/problem+json']
    assert.deepEqual(z.fromJSONSchema(schema).safeParse(await answer.json()).error?.issues ?? [], [])
  }
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

test('the API page mends what the stylesheet leaves open, on parts that Swagger UI has', async () => {
  const { ask } = setupDoor()
  const [, style = ''] = /<style>([^<]+)<\/style>/.exec(await (await ask('/docs')).text()) ?? []
  const script = await (await ask('/docs/swagger-ui-bundle.js')).text()
  const classes = [...style.matchAll(/\.([a-z][\w-]+)/g)].map(([, name]) => name!)
  assert.deepEqual(classes, [
    'swagger-ui',
    'responses-inner',
    'dark-mode',
    'swagger-ui',
    'headers',
    'header-col',
  ])
  for (const name of classes) if (name !== 'dark-mode') assert.ok(script.includes(`"${name}`), name)
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
