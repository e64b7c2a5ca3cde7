import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operatorRoles } from '../../src/operate/operator.ts'
import type { Json } from './browser.ts'
import { askEveryOperation, type Asker } from './role-matrix.ts'
import { operationsOf } from './routes-of.ts'
import { setupOperate } from './setup.ts'

test('who may do what: every role at every route', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const operations = await operationsOf(await signedIn())
  assert.ok(operations.length >= 15)
  const keyOf = async (options: object) => (await node.apiKeys.create({ name: 'x', ...options })).key
  const revoked = await node.apiKeys.create({ name: 'gone', roles: ['administrator'] })
  await node.apiKeys.revoke(revoked.id)
  const askers: Asker[] = [
    { name: 'nobody', credentials: undefined, role: 'unknown' },
    { name: 'a revoked key', credentials: revoked.key, role: 'unknown' },
    { name: 'a key without a role', credentials: await keyOf({ roles: ['payroll'] }), role: 'none' },
  ]
  for (const role of operatorRoles)
    askers.push({ name: role, credentials: await keyOf({ roles: [role] }), role })
  const ofOne = await keyOf({ roles: ['operator'], accessGroup: 'hr' })
  askers.push({ name: 'operator of hr', credentials: ofOne, role: 'operator', isOfOneGroup: true })
  const { cells, wrong } = await askEveryOperation(node.url ?? '', operations, askers)
  assert.deepEqual(wrong, [])
  assert.equal(cells, operations.length * 7)
})

test('an operator of one access group has no business with what is of all', async (t) => {
  const { node } = await setupOperate(t)
  const { key } = await node.apiKeys.create({ name: 'hr', roles: ['administrator'], accessGroup: 'hr' })
  for (const [method, path, body] of [
    ['GET', '/audit', undefined],
    ['GET', '/users', undefined],
    ['GET', '/api-keys', undefined],
    ['GET', '/settings', undefined],
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
