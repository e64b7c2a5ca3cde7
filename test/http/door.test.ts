import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { z } from 'zod'
import { CoatcheckError } from '../../src/base/errors.ts'
import { exampleInput } from '../../src/http/example-input.ts'
import { bodyOf, setupDoor } from './door-setup.ts'

test('an unknown path is 404 and says which service was probably meant', async () => {
  const { post, ask } = setupDoor({ basePath: '/in' })
  const answer = await post('/in/services/hr/hire-wroker', {})
  const body = await bodyOf(answer)
  assert.equal(answer.status, 404)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(body['code'], 'NOT_FOUND')
  assert.match(String(body['detail']), /did you mean \/in\/services\/hr\/hire-worker\?/)
  assert.equal((await ask('/services/hr/hire-worker')).status, 404)
})

test('another method is 405 with Allow', async () => {
  const { ask } = setupDoor()
  for (const [method, path, allow] of [
    ['GET', '/services/hr/hire-worker', 'POST'],
    ['PUT', '/v1/obey', 'POST'],
    ['DELETE', '/queue-items/0199f3a1-7c00-8001-8001-5f3c9a2b1000/result', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
  ] as const) {
    const answer = await ask(path, { method })
    assert.equal(answer.status, 405)
    assert.equal(answer.headers.get('allow'), allow)
    assert.equal((await bodyOf(answer))['code'], 'METHOD_NOT_ALLOWED')
  }
})

test('health says that the process lives, readiness that the database answers and what it promises', async () => {
  const { ask, road } = setupDoor()
  assert.equal((await ask('/healthz')).status, 200)
  const ready = await ask('/readyz')
  assert.equal(ready.status, 200)
  assert.deepEqual(await bodyOf(ready), { status: 'ready', durability: 'development' })
  road.failure = new CoatcheckError('DATABASE_UNREACHABLE', 'connect ECONNREFUSED 10.0.0.7:5432')
  assert.equal((await ask('/healthz')).status, 200)
  // What was seen is told for a tenth of a second.
  assert.equal((await ask('/readyz')).status, 200)
  await pass(200)
  const away = await ask('/readyz')
  assert.equal(away.status, 503)
  assert.equal(away.headers.get('retry-after'), '1')
  const body = await bodyOf(away)
  assert.equal(body['code'], 'DATABASE_UNREACHABLE')
  assert.equal(body['durability'], 'development')
  assert.doesNotMatch(JSON.stringify(body), /10\.0\.0\.7/)
})

test('however many ask for readiness, the database is asked once', async () => {
  const { ask, road } = setupDoor()
  let asked = 0
  const item = road.item.bind(road)
  road.item = (id) => {
    asked++
    return item(id)
  }
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask('/readyz')))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(asked, 1)
})

test('more requests than may be open are 503, but for the sign of life; long polls count', async () => {
  const { ask, post, road, hireOne } = setupDoor({ maxOpen: 3 })
  const id = await hireOne()
  const polls = [1, 2, 3].map(() => ask(`/queue-items/${id}?wait=1m`))
  while (road.waiting < 3) await new Promise(setImmediate)
  for (const answering of [
    post('/services/hr/hire-worker', { employeeId: '42' }),
    ask('/readyz'),
    ask('/'),
  ]) {
    const answer = await answering
    const wait = Number(answer.headers.get('retry-after'))
    assert.deepEqual([answer.status, (await bodyOf(answer))['code']], [503, 'REQUESTS_FULL'])
    assert.ok(wait >= 1 && wait <= 3, `${wait} s`)
  }
  assert.equal((await ask('/healthz')).status, 200)
  assert.equal(road.items.size, 1)
  road.change(id, { state: 'succeeded' })
  for (const poll of polls) assert.equal((await poll).status, 200)
  assert.equal((await ask('/readyz')).status, 200)
})

test('the front page names the services with a command that works', async () => {
  const { ask } = setupDoor({ basePath: '/in/' })
  const answer = await ask('/in', { headers: { accept: '*/*' } })
  const { services } = (await answer.json()) as { services: { name: string; url: string; curl: string }[] }
  assert.deepEqual(
    services.map(({ name, url }) => [name, url]),
    [
      ['hire-worker', 'http://localhost:3000/in/services/hr/hire-worker'],
      ['obey', 'http://localhost:3000/in/v1/obey'],
      ['insist', 'http://localhost:3000/in/services/hr/insist'],
    ],
  )
  assert.equal(
    services[0]!.curl,
    `curl -i -H 'content-type: application/json' -d '{"employeeId":"text"}' http://localhost:3000/in/services/hr/hire-worker`,
  )
})

test('people get the front page as HTML that runs nothing', async () => {
  const { ask } = setupDoor({ name: '<script>alert(1)</script>' })
  const answer = await ask('/', { headers: { accept: 'text/html,*/*;q=0.8' } })
  const html = await answer.text()
  assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
  const policy = answer.headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none';/)
  const [, style = ''] = /<style>([^]*)<\/style>/.exec(html) ?? []
  assert.ok(policy.includes(createHash('sha256').update(style).digest('base64')))
  assert.doesNotMatch(html, /<script/)
  assert.match(html, /hire-worker/)
  assert.match(html, /embedded: for development/)
  // no sign parts the links: it would begin a line where they wrap
  const [, links = ''] = /<nav>([^]*)<\/nav>/.exec(html) ?? []
  assert.match(links, /^(?:<a href="[^"]+">\w+<\/a>\s*){5}$/)
  assert.match(links, /href="[^"]*\/console">Console</)
})

test('every answer forbids sniffing and storing', async () => {
  const { ask, post } = setupDoor()
  for (const answer of [await ask('/'), await ask('/nowhere'), await post('/v1/obey', { act: 'reply' })]) {
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.match(answer.headers.get('x-correlation-id') ?? '', /./)
  }
})

test('HEAD is GET without a body', async () => {
  const { ask } = setupDoor()
  const answer = await ask('/healthz', { method: 'HEAD' })
  assert.equal(answer.status, 200)
  assert.equal(await answer.text(), '')
})

test('an example input has what a schema requires', () => {
  const schema = z.object({
    code: z.string().meta({ examples: ['AD-02'] }),
    kind: z.enum(['a', 'b']),
    at: z.iso.datetime(),
    lines: z.array(z.object({ amount: z.number() })),
    count: z.int(),
    few: z.int().min(3),
    below: z.int().max(-2),
    note: z.string().optional(),
  })
  assert.deepEqual(exampleInput(schema), {
    code: 'AD-02',
    kind: 'a',
    at: '2026-01-31T12:00:00Z',
    lines: [{ amount: 1 }],
    count: 1,
    few: 3,
    below: -2,
  })
  assert.deepEqual(exampleInput(z.object({ at: z.custom() })), { at: null })
  const plain = {
    '~standard': { version: 1, vendor: 'own', validate: (value: unknown) => ({ value }) },
  } as const
  assert.deepEqual(exampleInput(plain), {})
})
