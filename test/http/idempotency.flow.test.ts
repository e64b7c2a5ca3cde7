import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import { createNode, defineApplication, defineService, Problem, reply, type Node } from '../../src/index.ts'
import { freshPlace } from '../flows/setup.ts'
import { until } from '../store/until.ts'
import { bodyOf } from './door-setup.ts'

const input = z.object({ act: z.string().optional(), who: z.string().optional() })

/** Two nodes on one place, and a table that handlers write to. */
async function setup(t: TestContext) {
  const runs: string[] = []
  const gate = Promise.withResolvers<void>()
  const now = defineService({
    name: 'now',
    input,
    execution: 'immediate',
    queueWhen: (error, { who }) => who === 'anything' || error.code === 'CONNECTION_FAILED',
    retry: { initialDelay: 1 },
    run: async ({ act = '' }, ctx) => {
      runs.push(act)
      ctx.atCommit((tx) => tx.query(`insert into "${schema}".effect values ($1)`, [act]))
      if (act === 'wait') await gate.promise
      if (act === 'refuse') throw new Problem({ status: 409, code: 'LOCKED', detail: 'It is locked' })
      if (act === 'fail') throw new Error('secret')
      if (act === 'queue' && ctx.attempt === 1)
        throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      if (act === 'leave') await new Promise((_, reject) => ctx.signal.addEventListener('abort', reject))
      return reply({ run: runs.length }, { status: 201, headers: { 'x-run': String(runs.length) } })
    },
  })
  const later = defineService({ name: 'later', input, run: () => runs.push('later') })
  const strict = defineService({
    name: 'strict',
    input,
    execution: 'immediate',
    idempotency: { required: true },
    run: () => undefined,
  })
  const { database, schema } = await freshPlace()
  const open = async (): Promise<Node> => {
    const node = await createNode({
      applications: [defineApplication({ name: 'hr', definitions: [now, later, strict] })],
      database,
      schema,
      http: { port: 0 },
      log: false,
    })
    t.after(() => node.stop())
    await node.start()
    return node
  }
  const node = await open()
  await node.query(`create table "${schema}".effect (act text)`)
  const effects = async (): Promise<number> =>
    Number((await node.query(`select count(*) as n from "${schema}".effect`)).rows[0]?.['n'])
  const post = (name: string, key: string | undefined, body: object, more: RequestInit = {}, to = node) =>
    fetch(new URL(`/services/hr/${name}`, to.url), {
      method: 'POST',
      body: JSON.stringify(body),
      ...more,
      headers: {
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(more.headers as Record<string, string>),
      },
    })
  return { node, open, post, runs, gate, effects, schema }
}

/** What a client tells two answers by. */
async function told(answer: Response) {
  return {
    status: answer.status,
    run: answer.headers.get('x-run'),
    type: answer.headers.get('content-type'),
    body: await answer.text(),
  }
}

test('a repeated request has its effects once, and the first answer, on any node', async (t) => {
  const { open, post, runs, effects } = await setup(t)
  const other = await open().catch(() => undefined)
  const first = await post('now', '"k-1"', { act: 'a', who: 'x' })
  assert.equal(first.headers.get('idempotency-replayed'), null)
  const expected = await told(first)
  assert.equal(expected.status, 201)
  // Bare as well as quoted, and with its members in another order.
  for (const to of [undefined, other])
    for (const key of ['k-1', '"k-1"']) {
      const again = await post('now', key, { who: 'x', act: 'a' }, {}, to)
      assert.equal(again.headers.get('idempotency-replayed'), 'true')
      assert.deepEqual(await told(again), expected)
    }
  assert.equal(runs.length, 1)
  assert.equal(await effects(), 1)
  assert.equal((await told(await post('now', 'k-2', { act: 'a', who: 'x' }))).run, '2')
})

test('a problem is an answer too', async (t) => {
  const { post, runs, effects } = await setup(t)
  for (const [act, status] of [
    ['refuse', 409],
    ['fail', 500],
  ] as const) {
    const first = await told(await post('now', act, { act }))
    assert.equal(first.status, status)
    assert.deepEqual(await told(await post('now', act, { act })), first)
  }
  assert.equal(runs.length, 2)
  assert.equal(await effects(), 0)
})

test('another payload under the key is refused, whatever the service', async (t) => {
  const { post } = await setup(t)
  for (const name of ['now', 'later']) {
    assert.ok((await post(name, 'k', { act: 'a' })).ok)
    const answer = await post(name, 'k', { act: 'b' })
    assert.deepEqual([answer.status, (await bodyOf(answer))['code']], [422, 'IDEMPOTENCY_KEY_REUSED'])
  }
})

test('while the first one runs the others are told so; of fifty at once one runs', async (t) => {
  const { post, runs, gate, effects } = await setup(t)
  const all = Array.from({ length: 50 }, () => post('now', 'k', { act: 'wait' }))
  while (runs.length === 0) await new Promise(setImmediate)
  const meanwhile = await post('now', 'k', { act: 'wait' })
  assert.deepEqual([meanwhile.status, meanwhile.headers.get('retry-after')], [409, '1'])
  gate.resolve()
  const statuses = (await Promise.all(all)).map(({ status }) => status)
  assert.deepEqual(new Set(statuses.filter((status) => status !== 409)), new Set([201]))
  assert.equal(runs.length, 1)
  assert.equal(await effects(), 1)
})

test('a queued request is one item', async (t) => {
  const { node, post, runs } = await setup(t)
  const answers = await Promise.all(Array.from({ length: 50 }, () => post('later', 'k', { act: 'a' })))
  const ids = await Promise.all(answers.map(async (answer) => (await bodyOf(answer))['id']))
  assert.equal(new Set(ids).size, 1)
  assert.equal(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null).length, 1)
  await node.result(ids[0] as never, { wait: '20s' })
  const again = await post('later', 'k', { act: 'a' }, { headers: { prefer: 'wait=10' } })
  assert.deepEqual([again.status, again.headers.get('coatcheck-item-state')], [200, 'succeeded'])
  assert.equal(runs.length, 1)
})

test('what was queued because it failed, or because the caller preferred it, is that item ever after', async (t) => {
  const { node, post, runs, effects } = await setup(t)
  for (const [key, headers] of [
    ['failed', {}],
    ['preferred', { prefer: 'respond-async' }],
  ] as const) {
    const act = key === 'failed' ? 'queue' : 'a'
    const before = runs.length
    const first = await post('now', key, { act }, { headers })
    assert.equal(first.status, 202)
    const { id } = await bodyOf(first)
    await node.result(id as never, { wait: '20s' })
    const count = runs.length
    assert.equal(count - before, key === 'failed' ? 2 : 1)
    for (const prefer of ['respond-async', 'handling=strict']) {
      const again = await post('now', key, { act }, { headers: { prefer } })
      assert.deepEqual([again.status, (await bodyOf(again))['id']], [202, id])
      assert.equal(again.headers.get('idempotency-replayed'), 'true')
    }
    assert.equal(runs.length, count)
  }
  assert.equal(await effects(), 2)
  // And the other way: what ran at once is not queued when it comes again.
  const first = await told(await post('now', 'at once', { act: 'a' }))
  const preferred = await post('now', 'at once', { act: 'a' }, { headers: { prefer: 'respond-async' } })
  assert.deepEqual(await told(preferred), first)
})

test('what nobody was told is run again: the client left, or the node died', async (t) => {
  const { node, post, runs, schema } = await setup(t)
  const client = new AbortController()
  const left = post('now', 'left', { act: 'leave' }, { signal: client.signal })
  while (runs.length === 0) await new Promise(setImmediate)
  client.abort()
  await assert.rejects(left)
  let status = 409
  while (status === 409) {
    const again = new AbortController()
    const answer = post('now', 'left', { act: 'leave' }, { signal: again.signal })
    status = await Promise.race([answer.then((given) => given.status), ran(2)])
    again.abort()
    await answer.catch(() => {})
  }
  // As a node that died leaves it: it runs, and nobody renews it.
  await post('now', 'dead', { act: 'a' })
  await node.query(
    `update "${schema}".idempotent_call set answer = null, lease_until = clock_timestamp() where key = 'dead'`,
  )
  assert.equal((await post('now', 'dead', { act: 'b' })).status, 422)
  const before = runs.length
  assert.equal((await post('now', 'dead', { act: 'a' })).status, 201)
  assert.equal(runs.length, before + 1)

  async function ran(times: number): Promise<number> {
    for (;;) {
      if (runs.length >= times) return 0
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
})

test('what its client left is never queued: it would have its effects beside those of the same request', async (t) => {
  const { node, post, runs, effects, schema } = await setup(t)
  for (const key of ['left', undefined]) {
    const before = runs.length
    const client = new AbortController()
    const body = { act: 'leave', who: 'anything' }
    const left = post('now', key, body, { signal: client.signal })
    while (runs.length === before) await new Promise(setImmediate)
    client.abort()
    await assert.rejects(left)
  }
  // Its claim goes when its run has ended: who comes after that finds nothing of it.
  const claims = async () => (await node.query(`select from "${schema}".idempotent_call`)).rows.length
  await until('the claim is gone', async () => (await claims()) === 0)
  const again = await post('now', 'left', { act: 'a', who: 'anything' })
  assert.deepEqual([again.status, runs.length, await effects()], [201, 3, 1])
  assert.deepEqual((await node.query(`select from "${schema}".log`)).rows, [])
})

test('one that was taken for dead has no effects when it ends', async (t) => {
  const { node, post, runs, gate, effects, schema } = await setup(t)
  const first = post('now', 'k', { act: 'wait' })
  while (runs.length === 0) await new Promise(setImmediate)
  await node.query(`update "${schema}".idempotent_call set lease_until = clock_timestamp() - interval '1 s'`)
  const second = post('now', 'k', { act: 'wait' })
  while (runs.length === 1) await new Promise(setImmediate)
  gate.resolve()
  const statuses = [(await first).status, (await second).status]
  assert.deepEqual(statuses, [503, 201])
  assert.equal(await effects(), 1)
})

test('keys that cannot be used are refused before anything runs', async (t) => {
  const { post, runs } = await setup(t)
  for (const key of ['', '""', '"a', 'a b', 'a, b', '"a", "b"', 'a;b=c', 'ä', `"${'x'.repeat(256)}"`]) {
    const answer = await post('now', encodeURI(key) === key || key.includes('"') ? key : 'a\tb', {})
    assert.deepEqual([answer.status, (await bodyOf(answer))['code']], [400, 'IDEMPOTENCY_KEY_INVALID'], key)
  }
  const missing = await post('strict', undefined, {})
  assert.deepEqual([missing.status, (await bodyOf(missing))['code']], [400, 'IDEMPOTENCY_KEY_REQUIRED'])
  assert.equal((await post('strict', '"a \\"b\\" \\\\"', {})).status, 204)
  // What was refused before it ran leaves the key free.
  assert.equal((await post('now', 'free', { act: 1 })).status, 422)
  assert.equal((await post('now', 'free', { act: 'a' })).status, 201)
  assert.equal(runs.length, 1)
})
