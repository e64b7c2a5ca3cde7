import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { z } from 'zod'
import {
  defineApplication,
  defineQueueProcessor,
  defineService,
  Problem,
  type CreateApiKeyOptions,
} from '../../src/index.ts'
import { setupAuth } from './auth-setup.ts'
import { startIssuer } from './issuer.ts'

const canary = 'cnry-4711'
const input = z.object({ ssn: z.string(), what: z.enum(['succeed', 'fail', 'wait']) })
type Input = z.infer<typeof input>

interface Ctx {
  readonly progress: (value: unknown) => void
  readonly signal: AbortSignal
}

/** Says again what it was given, wherever it can. */
async function repeat({ ssn, what }: Input, { progress, signal }: Ctx): Promise<unknown> {
  progress({ at: ssn })
  if (what === 'wait')
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  if (what === 'fail')
    throw new Problem({
      status: 422,
      code: 'NO',
      detail: ssn,
      errors: [{ detail: ssn, pointer: `#/${ssn}` }],
    })
  return { ssn }
}

const key = ({ ssn, what }: Input): string => `${ssn} ${what}`
const secret = ['/ssn']
const retry = { maxAttempts: 1 }
const file = defineService({ name: 'file', input, secret, key, retry, run: repeat })
const sort = defineQueueProcessor({ name: 'sort', input, secret, key, retry, process: repeat })
const tell = defineService({ name: 'tell', input, retry, run: repeat })
const records = defineApplication({ name: 'records', definitions: [file, sort, tell] })

/** A node with an item of each ending, and all who may see them. */
async function setup(t: TestContext, service: 'file' | 'tell' = 'file') {
  const issuer = await startIssuer(t)
  const jwt = [{ issuer: issuer.url, audience: 'coatcheck', rolesClaim: 'roles' }]
  const { node, where, send } = await setupAuth(t, { jwt }, { applications: [records] })
  const keyOf = async (options: Omit<CreateApiKeyOptions, 'name'> = {}) =>
    (await node.apiKeys.create({ name: 'x', ...options })).key
  const maker = await keyOf({ accessGroup: 'hr' })
  const put = async (what: Input['what']) => {
    const answer = await send('POST', `/services/records/${service}`, maker, { ssn: canary, what })
    return ((await answer.json()) as { id: string }).id
  }
  const items = { succeeded: await put('succeed'), broken: await put('fail') }
  for (const id of Object.values(items))
    await (await send('GET', `/queue-items/${id}/result?wait=20s`, maker)).text()
  return {
    node,
    where,
    send,
    put,
    maker,
    ...items,
    shut: {
      observer: await keyOf({ roles: ['observer'] }),
      operator: await keyOf({ roles: ['operator'] }),
      'operator of hr': await keyOf({ roles: ['operator'], accessGroup: 'hr' }),
      'operator by token': await issuer.sign({ sub: 'root', roles: ['operator'] }),
    },
    open: {
      maker,
      administrator: await keyOf({ roles: ['administrator'] }),
      'administrator by token': await issuer.sign({ sub: 'boss', roles: ['administrator'] }),
    },
  }
}

/** All that an answer says. */
async function saidBy(answer: Response) {
  const text = await answer.text()
  return { status: answer.status, all: JSON.stringify([...answer.headers]) + text, text }
}

const documentIn = (text: string) =>
  JSON.parse(/(?:^|data: )(\{.*\})$/m.exec(text)?.[1] ?? '{}') as Record<string, unknown>
const doors = ['', '?wait=1s', '/events'] as const

test('what became of an item with secrets is for its maker and administrators alone', async (t) => {
  const { send, shut, open, succeeded, broken } = await setup(t)
  for (const [who, credentials] of Object.entries(shut))
    for (const id of [succeeded, broken]) {
      for (const door of doors) {
        const { status, all, text } = await saidBy(
          await send('GET', `/queue-items/${id}${door}`, credentials),
        )
        assert.equal(status, 200, `${door} by ${who}`)
        assert.doesNotMatch(all, new RegExp(canary), `${door} by ${who}`)
        const { key, progress, error, redacted, state } = documentIn(text)
        assert.deepEqual([key, state], ['•••', id === broken ? 'broken' : 'succeeded'])
        if (progress !== undefined) assert.equal(progress, '•••')
        if (id !== broken) continue
        const told = {
          type: 'about:blank',
          title: 'Unprocessable Entity',
          status: 422,
          code: 'NO',
          detail: '•••',
        }
        assert.deepEqual(error, told)
        assert.ok((redacted as string[]).includes('/error/detail'))
      }
      for (const [method, door] of [
        ['GET', '/result'],
        ['GET', '/result?wait=20s'],
        ['HEAD', '/result'],
      ] as const) {
        const { status, all, text } = await saidBy(
          await send(method, `/queue-items/${id}${door}`, credentials),
        )
        assert.equal(status, 403, `${method} ${door} by ${who}`)
        assert.doesNotMatch(all, new RegExp(canary))
        if (method === 'HEAD') continue
        const { code, detail } = documentIn(text)
        assert.equal(code, 'FORBIDDEN')
        assert.match(
          String(detail),
          new RegExp(`whoever handed it over.*administrators.*/operate/items/${id}`),
        )
      }
    }
  for (const [who, credentials] of Object.entries(open))
    for (const [id, tail, status] of [
      [succeeded, '/result', 200],
      [broken, '/result', 422],
      [broken, '', 200],
      [broken, '/events', 200],
      [succeeded, '', 200],
    ] as const) {
      const said = await saidBy(await send('GET', `/queue-items/${id}${tail}`, credentials))
      assert.equal(said.status, status, `${tail} by ${who}`)
      assert.match(said.text, new RegExp(canary), `${tail} by ${who}`)
      assert.doesNotMatch(said.text, /redacted|•••/)
    }
})

test('who waits for an item with secrets sees no more of it, however it is waited for', async (t) => {
  const { node, send, put, shut, maker } = await setup(t)
  const id = await put('wait')
  const stream = await send('GET', `/queue-items/${id}/events`, shut.operator)
  const polled = send('GET', `/queue-items/${id}?wait=20s`, shut.observer)
  const begun = performance.now()
  const refused = await send('GET', `/queue-items/${id}/result?wait=20s`, shut.operator)
  assert.deepEqual([refused.status, performance.now() - begun < 15_000], [403, true], 'refused at once')
  let own: Record<string, unknown> = {}
  while (own['progress'] === undefined)
    own = documentIn(await (await send('GET', `/queue-items/${id}`, maker)).text())
  assert.deepEqual([own['key'], own['progress']], [`${canary} wait`, { at: canary }])
  const { progress, redacted } = documentIn(
    await (await send('GET', `/queue-items/${id}`, shut.observer)).text(),
  )
  assert.deepEqual([progress, redacted], ['•••', ['/key', '/progress']])
  const cancelled = await saidBy(await send('DELETE', `/queue-items/${id}`, shut.operator))
  assert.ok(cancelled.status < 300, cancelled.text)
  await node.result(id, { wait: '20s' }).catch(() => undefined)
  for (const answer of [stream, await polled]) {
    const { status, all } = await saidBy(answer)
    assert.equal(status, 200)
    assert.doesNotMatch(all, new RegExp(canary))
    assert.match(all, /"state":"cancelled"/)
  }
})

test('items that code enqueued, and those of a definition that the node does not know, are hidden as well', async (t) => {
  const { node, where, send, shut, open } = await setup(t)
  const id = await node.enqueue(sort, { ssn: canary, what: 'succeed' })
  await node.result(id, { wait: '20s' })
  const ask = async (credentials: string, tail = '') =>
    saidBy(await send('GET', `/queue-items/${id}${tail}`, credentials))
  const check = async () => {
    assert.equal((await ask(shut.operator, '/result')).status, 403)
    assert.doesNotMatch((await ask(shut.observer)).all, new RegExp(canary))
    assert.match((await ask(open.administrator, '/result')).text, new RegExp(canary))
  }
  await check()
  await node.query(`update "${where.schema}".tracked_item set definition = 'gone' where definition = 'sort'`)
  await check()
})

test('without secret places operators read the results of others', async (t) => {
  const { send, shut, succeeded, broken } = await setup(t, 'tell')
  for (const credentials of Object.values(shut)) {
    assert.match(
      (await saidBy(await send('GET', `/queue-items/${succeeded}/result`, credentials))).text,
      new RegExp(canary),
    )
    assert.equal((await send('GET', `/queue-items/${broken}/result`, credentials)).status, 422)
  }
})
