import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilStatus, type Json } from './browser.ts'
import { setupOperate } from './setup.ts'

test('a key is made, shown once, used, and revoked, and the audit says so', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const admin = await signedIn()
  const { id, key } = await admin.json('POST', '/api-keys', {
    name: 'payroll',
    roles: ['observer'],
    services: ['hr/hire'],
    accessGroup: 'hr',
    expiresInDays: 90,
    rate: { quota: 100, windowMs: 60_000 },
    reason: 'for the new run',
  })
  const { items } = await admin.json('GET', '/api-keys')
  const [listed, ...others] = items as Json[]
  assert.deepEqual(others, [])
  const { createdAt, expiresAt, ...rest } = listed!
  assert.deepEqual(rest, {
    id,
    name: 'payroll',
    roles: ['observer'],
    services: ['hr/hire'],
    accessGroup: 'hr',
    rate: { quota: 100, windowMs: 60_000 },
    state: 'active',
  })
  assert.equal(Date.parse(String(expiresAt)) - Date.parse(String(createdAt)), 90 * 86_400_000)
  const use = () =>
    fetch(new URL('/operate/session', node.url), { headers: { authorization: `Bearer ${String(key)}` } })
  assert.equal((await use()).status, 200)
  await admin.json('DELETE', `/api-keys/${String(id)}`, { reason: 'lost' }, 204)
  assert.ok((await untilStatus(use, 401)) < 5_000)
  await admin.json('DELETE', '/api-keys/nothing', undefined, 404)
  const lines = (await admin.json('GET', '/audit?subject=api-key'))['items'] as Json[]
  assert.deepEqual(
    lines.map(({ act, subjectId, reason }) => [act, subjectId, reason]),
    [
      ['api-key.revoke', id, 'lost'],
      ['api-key.create', id, 'for the new run'],
    ],
  )
  assert.ok(!JSON.stringify(lines).includes(String(key)))
})

test('what a key cannot be is told, and nothing is made', async (t) => {
  const { signedIn } = await setupOperate(t)
  const admin = await signedIn()
  for (const body of [
    { roles: [] },
    { name: 'x', roles: ['a\0b'] },
    { name: 'x', roles: [], services: ['Not A Service'] },
    { name: 'x', roles: [], rate: { quota: 1, windowMs: 1_500 } },
    { name: 'x', roles: [], expiresInDays: 0 },
  ])
    await admin.json('POST', '/api-keys', body, 422)
  assert.deepEqual((await admin.json('GET', '/api-keys'))['items'], [])
  assert.deepEqual((await admin.json('GET', '/audit?subject=api-key'))['items'], [])
})

test('keys are listed page by page, the newest first', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const admin = await signedIn()
  for (const name of ['1', '2', '3', '4', '5']) await node.apiKeys.create({ name })
  const first = await admin.json('GET', '/api-keys?limit=3')
  const second = await admin.json('GET', `/api-keys?limit=3&cursor=${String(first['next'])}`)
  const names = [first, second].flatMap(({ items }) => (items as Json[]).map(({ name }) => name))
  assert.deepEqual(names, ['5', '4', '3', '2', '1'])
})
