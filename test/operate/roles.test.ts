import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operatorRoles } from '../../src/operate/operator.ts'
import type { Json } from './browser.ts'
import { operationsOf } from './routes-of.ts'
import { setupOperate } from './setup.ts'

test('who may do what: every role at every route', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const operations = await operationsOf(await signedIn())
  assert.ok(operations.length >= 15)
  const keys = new Map<string, string | undefined>([['nobody', undefined]])
  for (const role of operatorRoles)
    keys.set(role, (await node.apiKeys.create({ name: role, roles: [role] })).key)
  let cells = 0
  for (const { method, path, role } of operations)
    for (const [who, key] of keys) {
      // a body that fits nothing: who is let in is told so, and nothing is done
      const body = method === 'GET' ? undefined : '{"noSuchMember":1}'
      const answer = await fetch(new URL(`/operate${path}`, node.url), {
        method,
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000),
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body }),
      })
      const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream')
      const code = answer.status >= 400 && !isStream ? ((await answer.json()) as Json)['code'] : undefined
      if (isStream) await answer.body?.cancel()
      else if (!answer.bodyUsed) await answer.arrayBuffer()
      const cell = `${method} ${path} by ${who}: ${answer.status} ${String(code)}`
      const rank = (name: string) => operatorRoles.findIndex((each) => each === name)
      if (role === 'anybody') assert.ok(answer.status !== 401 && answer.status !== 403, cell)
      else if (key === undefined) assert.equal(code, 'SIGN_IN_REQUIRED', cell)
      else if (rank(who) < rank(role)) assert.equal(code, 'FORBIDDEN', cell)
      else assert.ok(code !== 'FORBIDDEN' && answer.status !== 401 && answer.status !== 500, cell)
      cells += 1
    }
  assert.equal(cells, operations.length * 4)
})

test('an operator of one access group has no business with what is of all', async (t) => {
  const { node } = await setupOperate(t)
  const { key } = await node.apiKeys.create({ name: 'hr', roles: ['administrator'], accessGroup: 'hr' })
  for (const [method, path, body] of [
    ['GET', '/audit', undefined],
    ['GET', '/users', undefined],
    ['GET', '/api-keys', undefined],
    ['POST', '/users', '{"name":"eve","role":"administrator"}'],
    ['PUT', '/users/ada', '{"role":"administrator"}'],
    ['POST', '/api-keys', '{"name":"eve","roles":["administrator"]}'],
    ['DELETE', '/api-keys/x', undefined],
  ] as const) {
    const answer = await fetch(new URL(`/operate${path}`, node.url), {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    })
    assert.equal(((await answer.json()) as Json)['code'], 'FORBIDDEN', `${method} ${path}`)
  }
})
