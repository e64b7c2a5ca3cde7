import assert from 'node:assert/strict'
import { test } from 'node:test'
import { itemIdAt, rowIdOf } from '../../src/base/ids.ts'
import { setupAuth } from './auth-setup.ts'
import { authorizationCells, prepareCallers } from './authorization-table.ts'
import { provision } from './hr-application.ts'
import { startIssuer } from './issuer.ts'

test('who is answered what: every caller at every door', async (t) => {
  const issuer = await startIssuer(t)
  const { node, send, hireOne } = await setupAuth(t, {
    jwt: [{ issuer: issuer.url, audience: 'coatcheck', rolesClaim: 'roles' }],
  })
  const credentials = await prepareCallers(node.apiKeys, (claims) => issuer.sign(claims))
  const mine = await hireOne(credentials.maker ?? '')
  const code = await node.enqueue(provision, {})
  await Promise.all([mine, code].map((id) => node.result(id, { wait: '20s' })))
  const missing = itemIdAt(rowIdOf(mine), 4000)
  let cells = 0
  for (const { method, path, caller, status } of authorizationCells({ mine, code, missing })) {
    const body = method === 'POST' ? {} : undefined
    const answer = await send(method, path, credentials[caller], body)
    await answer.arrayBuffer()
    assert.equal(answer.status, status, `${method} ${path} by ${caller}`)
    cells += 1
  }
  assert.equal(cells, 24 * 14)
})

test('an item of somebody else is answered to the letter as one that is not there', async (t) => {
  const { node, send, hireOne } = await setupAuth(t, {})
  const [maker, stranger] = [
    await node.apiKeys.create({ name: 'maker' }),
    await node.apiKeys.create({ name: 'stranger' }),
  ]
  const ended = await hireOne(maker.key)
  await node.result(ended, { wait: '20s' })
  const context = { caller: `key:${maker.id}` }
  const open = await node.enqueue(provision, {}, { context, delay: '1h' })
  /** All that an answer says, without what differs from request to request. */
  const saidOf = async (id: string, tail: string, credentials: string) => {
    const answer = await send('GET', `/queue-items/${id}${tail}`, credentials)
    const headers = [...answer.headers].filter(([name]) => !['x-correlation-id', 'date'].includes(name))
    return {
      status: answer.status,
      headers,
      body: (await answer.text()).replaceAll(id, '{id}'),
    }
  }
  for (const foreign of [open, ended]) {
    const missing = itemIdAt(rowIdOf(foreign), 4001)
    for (const tail of ['', '/result', '/events', '?wait=20s', '/result?wait=20s']) {
      const before = performance.now()
      assert.deepEqual(
        await saidOf(foreign, tail, stranger.key),
        await saidOf(missing, tail, stranger.key),
        `${foreign === open ? 'open' : 'ended'} ${tail}`,
      )
      assert.ok(performance.now() - before < 15_000, 'to wait for it would tell that it is there')
    }
    assert.equal((await saidOf(foreign, '', maker.key)).status, 200)
  }
})

test('what a handler enqueues for a caller is that caller’s, and what a service hides stays hidden', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const maker = await node.apiKeys.create({ name: 'maker' })
  const stranger = await node.apiKeys.create({ name: 'stranger' })
  const id = await node.enqueue(provision, {}, { context: { caller: `key:${maker.id}` } })
  assert.equal((await send('GET', `/queue-items/${id}`, maker.key)).status, 200)
  assert.equal((await send('GET', `/queue-items/${id}`, stranger.key)).status, 404)
})

test('who may call only some services is shown only those, and is not told the names of others', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const { key } = await node.apiKeys.create({ name: 'hire', services: ['hr/hire'] })
  const page = (await (await send('GET', '/', key)).json()) as { services: { name: string; curl: string }[] }
  assert.deepEqual(
    page.services.map(({ name }) => name),
    ['hire'],
  )
  assert.match(page.services[0]?.curl ?? '', /-H "authorization: Bearer \$COATCHECK_KEY"/)
  const api = await (await send('GET', '/openapi.json', key)).text()
  assert.match(api, /hr\.hire/)
  assert.doesNotMatch(api, /hr[./](?:pay|ask|apply)/)
  const lost = await (await send('POST', '/services/hr/pai', key, {})).text()
  assert.doesNotMatch(lost, /hr\/pay/)
  assert.match(
    await (await send('POST', '/services/hr/hier', key, {})).text(),
    /did you mean \/services\/hr\/hire/,
  )
})

test('403 says which role is missing, with the challenge of RFC 6750', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const { key } = await node.apiKeys.create({ name: 'crm' })
  const answer = await send('POST', '/services/hr/pay', key, {})
  assert.equal(answer.status, 403)
  const wanted = 'crm may not call hr/pay, which wants the role payroll or auditor'
  assert.equal(
    answer.headers.get('www-authenticate'),
    `Bearer realm="coatcheck", error="insufficient_scope", error_description="${wanted}"`,
  )
  const body = (await answer.json()) as Record<string, unknown>
  assert.equal(body['code'], 'FORBIDDEN')
  assert.equal(body['detail'], wanted)
})

test('two callers with the same Idempotency-Key are two calls', async (t) => {
  const { node } = await setupAuth(t, { anonymous: { services: ['hr/apply'] } })
  const [one, two] = [await node.apiKeys.create({ name: 'one' }), await node.apiKeys.create({ name: 'two' })]
  const post = async (path: string, credentials: string | undefined, text: string) => {
    const answer = await fetch(new URL(path, node.url), {
      method: 'POST',
      headers: {
        ...(credentials !== undefined && { authorization: `Bearer ${credentials}` }),
        'content-type': 'application/json',
        'idempotency-key': '"order-1"',
      },
      body: JSON.stringify({ text }),
    })
    return (await answer.json()) as { id?: string; text?: string }
  }
  for (const path of ['/services/hr/ask', '/services/hr/hire']) {
    const [first, again, other] = [
      await post(path, one.key, 'of one'),
      await post(path, one.key, 'of one'),
      await post(path, two.key, 'of two'),
    ]
    assert.deepEqual(again.id ?? again.text, first.id ?? first.text)
    assert.notEqual(other.id ?? other.text, first.id ?? first.text)
    if (path.endsWith('ask')) assert.equal(other.text, 'of two')
  }
})

test('an event stream ends within 5 s after its key was revoked', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const { id: keyId, key } = await node.apiKeys.create({ name: 'watcher' })
  const context = { caller: `key:${keyId}` }
  const id = await node.enqueue(provision, {}, { context, delay: '1h' })
  const answer = await send('GET', `/queue-items/${id}/events`, key)
  assert.ok(answer.body)
  const reader = answer.body.getReader()
  assert.match(new TextDecoder().decode((await reader.read()).value), /retry/)
  await node.apiKeys.revoke(keyId)
  const revokedAt = performance.now()
  while (!(await reader.read()).done);
  assert.ok(performance.now() - revokedAt < 6000)
})

test('who cancels stands in the item’s log', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const maker = await node.apiKeys.create({ name: 'maker' })
  const ops = await node.apiKeys.create({ name: 'night shift', roles: ['operator'] })
  const context = { caller: `key:${maker.id}` }
  const [mine, other] = [
    await node.enqueue(provision, {}, { context, delay: '1h' }),
    await node.enqueue(provision, {}, { context, delay: '1h' }),
  ]
  assert.equal((await send('DELETE', `/queue-items/${mine}`, maker.key)).status, 204)
  assert.equal((await send('DELETE', `/queue-items/${other}`, ops.key)).status, 204)
  assert.match(JSON.stringify(await node.itemLog(mine)), /"operator":"maker"/)
  assert.match(JSON.stringify(await node.itemLog(other)), /"operator":"night shift"/)
})
