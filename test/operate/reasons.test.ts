import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditOf, setupItems, tell } from './item-setup.ts'

test('a reason is a text with something in it, wherever one is given', { timeout: 60_000 }, async (t) => {
  const { node, ask, raw } = await setupItems(t)
  const id = await node.enqueue(tell, { text: 'later' }, { delay: '1 day' })
  const acts = [
    ['POST', `/items/${id}/acts`, { act: 'defer' }],
    ['POST', '/items/acts', { act: 'defer', filter: { key: 'nobody' } }],
    ['POST', '/queues/standard/state', { state: 'paused' }],
    ['POST', '/queues/standard/restart', {}],
    ['PUT', '/queues/standard/concurrency', { perNode: 3 }],
    ['PUT', '/queues/standard/partitions', { partitions: 7 }],
    ['POST', '/services/flows/hire/try', { input: { employee: 'ada' } }],
    ['POST', '/users', { name: 'ada', role: 'observer' }],
    ['PUT', '/users/ada', { role: 'operator' }],
    ['POST', '/api-keys', { name: 'a', roles: ['observer'] }],
    ['DELETE', '/api-keys/nobody', {}],
    ['DELETE', '/sessions/nobody', {}],
  ] as const
  for (const [method, path, body] of acts)
    for (const reason of ['', '  ', 'a\0b', 'half \ud800', 'x'.repeat(501), 4711]) {
      const given = { ...body, reason }
      const answer = await raw('administrator', path, given, { method, body: JSON.stringify(given) })
      const said = (await answer.json()) as { errors?: { pointer: string }[] }
      assert.deepEqual([answer.status, said.errors?.[0]?.pointer], [422, '#/reason'], `${method} ${path}`)
    }
  await ask('administrator', '/queues/standard/state', { state: 'paused', reason: '  to look ' })
  assert.equal((await auditOf(ask, 'queue.pause'))[0]?.['reason'], 'to look')
})
