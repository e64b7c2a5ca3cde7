import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { createClient } from '../../src/client/client.ts'
import { createNode, defineApplication, defineService, reply } from '../../src/index.ts'
import { freshPlace } from '../flows/setup.ts'

const csv = 'id,name\r\n1,"Ada Löwe"\r\n'
const png = Uint8Array.from({ length: 1_000 }, (_, at) => (at * 7) % 256)
// not a multiple of three, so that base64 ends with its filling
const large = Uint8Array.from({ length: 3_500_000 }, (_, at) => (at * 31 + (at >> 8)) % 256)
const largeText = 'a line, "quoted" \\ and 😀\n'.repeat(150_000)
const report = { lines: Array.from({ length: 60_000 }, (_, at) => `line ${at} 😀 of many`) }

const returned = {
  csv: () => reply(csv, { headers: { 'Content-Type': 'text/csv; charset=utf-8' } }),
  png: () => reply(png, { headers: { 'content-type': 'image/png' } }),
  bytes: () => png,
  'json text': () => reply('a string', { headers: { 'content-type': 'application/vnd.a+json' } }),
  created: () => reply(png, { status: 201 }),
  nothing: () => reply(png, { status: 204 }),
  large: () => reply(large),
  'large text': () => reply(largeText, { headers: { 'content-type': 'text/plain; charset=utf-8' } }),
  report: () => report,
  // more than sockets hold
  huge: () => 'x'.repeat(30_000_000),
} as const
type What = keyof typeof returned

function serviceOf<Name extends string>(name: Name, execution: 'queue' | 'immediate') {
  return defineService({
    name,
    input: z.object({ what: z.enum(Object.keys(returned) as [What, ...What[]]) }),
    execution,
    maxPayload: '64 MB',
    run: ({ what }) => returned[what](),
  })
}

const bytesOf = defineService({ name: 'bytes-of', input: z.object({}), run: () => png })
const application = defineApplication({
  name: 'files',
  definitions: [serviceOf('make', 'queue'), serviceOf('make-now', 'immediate'), bytesOf],
})

async function setup(t: TestContext) {
  const place = await freshPlace()
  const node = await createNode({
    applications: [application],
    ...place,
    http: { port: 0 },
    log: false,
  })
  t.after(() => node.stop())
  await node.start()
  const post = (service: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${node.url}/services/files/${service}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  /** The result of an item of `make`, once it has ended. */
  async function resultOf(what: What, init: RequestInit = {}) {
    const { id } = (await (await post('make', { what })).json()) as { id: string }
    const url = `${node.url}/queue-items/${id}`
    await (await fetch(`${url}?wait=30s`)).text()
    return { id, url, answer: await fetch(`${url}/result`, init) }
  }
  return { node, place, post, resultOf }
}

const bytes = async (answer: Response) => new Uint8Array(await answer.arrayBuffer())

test('text and bytes are answered as they are, now and later alike', async (t) => {
  const { node, post, resultOf } = await setup(t)
  const expected: [What, number, string | null, Uint8Array][] = [
    ['csv', 200, 'text/csv; charset=utf-8', Buffer.from(csv)],
    ['png', 200, 'image/png', png],
    ['bytes', 200, 'application/octet-stream', png],
    ['created', 201, 'application/octet-stream', png],
    ['nothing', 204, null, new Uint8Array()],
    ['json text', 200, 'application/vnd.a+json', Buffer.from('"a string"')],
  ]
  for (const [what, status, type, body] of expected) {
    const { id, answer } = await resultOf(what)
    const once = { 'idempotency-key': `once-${what.replace(' ', '-')}` }
    const answers = [
      answer,
      await post('make-now', { what }),
      await post('make-now', { what }, once),
      await post('make-now', { what }, once),
      await post('make', { what }, { prefer: 'wait=30' }),
    ]
    for (const [way, each] of answers.entries()) {
      assert.deepEqual([each.status, each.headers.get('content-type')], [status, type], `${what} ${way}`)
      assert.ok(Buffer.from(await bytes(each)).equals(body), `${what} ${way}`)
    }
    assert.equal(answers[3]?.headers.get('idempotency-replayed'), 'true')
    if (what === 'bytes') {
      const result = await node.result(id as never)
      assert.ok(result instanceof Uint8Array && Buffer.from(result).equals(png))
    }
  }
})

test('a client gets bytes as bytes', async (t) => {
  const { node } = await setup(t)
  const client = createClient<typeof application>({ baseUrl: node.url!, application: 'files' })
  const result: Uint8Array = await client.callAndWait('bytes-of', {})
  assert.deepEqual(result, png)
})

test('a large result comes whole, whatever it is', async (t) => {
  const { node, resultOf } = await setup(t)
  const json = await resultOf('report')
  const text = JSON.stringify(report)
  assert.equal(json.answer.headers.get('content-length'), String(Buffer.byteLength(text)))
  assert.equal(await json.answer.text(), text)
  assert.deepEqual(await node.result(json.id as never), report)
  const binary = await resultOf('large')
  assert.ok(Buffer.from(await bytes(binary.answer)).equals(large))
  const plain = await resultOf('large text')
  assert.equal(plain.answer.headers.get('content-type'), 'text/plain; charset=utf-8')
  assert.equal(await plain.answer.text(), largeText)
  for (const { url } of [json, binary, plain]) {
    const head = await fetch(`${url}/result`, { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''])
    assert.equal(head.headers.get('coatcheck-item-state'), 'succeeded')
  }
})

test('a large result that goes while it is read is cut off, and seen to be', async (t) => {
  const { node, place, resultOf } = await setup(t)
  const problems: unknown[] = []
  node.events.listen((name, data) => {
    if (name === 'problem') problems.push(data)
  })
  const { id, answer } = await resultOf('huge')
  const reader = answer.body!.getReader()
  await reader.read()
  await node.query(`delete from ${place.schema}.tracked_item where id = $1`, [id])
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  })
  assert.match(String((problems[0] as { error: Error }).error), /went while its result was read/)
  assert.equal(problems.length, 1)
})
