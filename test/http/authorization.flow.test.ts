import assert from 'node:assert/strict'
import { test } from 'node:test'
import { itemIdAt, rowIdOf } from '../../src/base/ids.ts'
import { provision, setupAuth } from './auth-setup.ts'
import { startIssuer } from './issuer.ts'

/** Who calls, in the order of the columns of the table. */
const callers = [
  'nobody',
  'wrong key',
  'revoked',
  'maker',
  'other',
  'hire only',
  'payroll',
  'observer',
  'operator',
  'administrator',
  'operator of hr',
  'operator of it',
  'token',
  'operator by token',
] as const
type CallerName = (typeof callers)[number]

/**
 * What each of them is answered with. `maker` handed over `mine`, with the access group hr; `code` was enqueued by code.
 * A status of who may not see an item is that of one which is not there.
 */
const table = `
                          nobody wrong revoked maker other hire-only payroll observer operator administrator of-hr of-it token token-operator
GET /                       401   401   401     200   200   200       200     200      200      200           200   200   200   200
GET /healthz                200   200   200     200   200   200       200     200      200      200           200   200   200   200
GET /readyz                 200   200   200     200   200   200       200     200      200      200           200   200   200   200
POST /services/hr/hire      401   401   401     202   202   202       202     202      202      202           202   202   202   202
POST /services/hr/ask       401   401   401     200   200   403       200     200      200      200           200   200   200   200
POST /services/hr/pay       401   401   401     403   403   403       200     403      403      403           403   403   403   403
GET /services/hr/pay        401   401   401     405   405   405       405     405      405      405           405   405   405   405
GET /services/hr/nowhere    401   401   401     404   404   404       404     404      404      404           404   404   404   404
GET {mine}                  401   401   401     200   404   404       404     200      200      200           200   404   404   200
GET {mine}?wait=1s          401   401   401     200   404   404       404     200      200      200           200   404   404   200
GET {mine}/result           401   401   401     200   404   404       404     200      200      200           200   404   404   200
HEAD {mine}                 401   401   401     200   404   404       404     200      200      200           200   404   404   200
GET {mine}/events           401   401   401     200   404   404       404     200      200      200           200   404   404   200
DELETE {mine}               401   401   401     409   404   404       404     403      409      409           409   404   404   409
GET /openapi.json           401   401   401     200   200   200       200     200      200      200           200   200   200   200
GET /docs                   401   401   401     200   200   200       200     200      200      200           200   200   200   200
POST /openapi.json          401   401   401     405   405   405       405     405      405      405           405   405   405   405
PUT {mine}                  401   401   401     405   405   405       405     405      405      405           405   405   405   405
GET {code}                  401   401   401     404   404   404       404     200      200      200           404   404   404   200
GET {code}/result           401   401   401     404   404   404       404     200      200      200           404   404   404   200
GET {missing}               401   401   401     404   404   404       404     404      404      404           404   404   404   404
GET {missing}/result        401   401   401     404   404   404       404     404      404      404           404   404   404   404
GET /queue-items/17         401   401   401     404   404   404       404     404      404      404           404   404   404   404`

test('who is answered what: every caller at every door', async (t) => {
  const issuer = await startIssuer(t)
  const { node, send, hireOne } = await setupAuth(t, {
    jwt: [{ issuer: issuer.url, audience: 'coatcheck', rolesClaim: 'roles' }],
  })
  const keyOf = async (options: object) => (await node.apiKeys.create({ name: 'x', ...options })).key
  const revoked = await node.apiKeys.create({ name: 'gone' })
  await node.apiKeys.revoke(revoked.id)
  const credentials: Record<CallerName, string | undefined> = {
    nobody: undefined,
    'wrong key': `${revoked.key.slice(0, -1)}-`,
    revoked: revoked.key,
    maker: await keyOf({ accessGroup: 'hr' }),
    other: await keyOf({ accessGroup: 'hr' }),
    'hire only': await keyOf({ services: ['hr/hire'] }),
    payroll: await keyOf({ roles: ['payroll'] }),
    observer: await keyOf({ roles: ['observer'] }),
    operator: await keyOf({ roles: ['operator'] }),
    administrator: await keyOf({ roles: ['administrator'] }),
    'operator of hr': await keyOf({ roles: ['operator'], accessGroup: 'hr' }),
    'operator of it': await keyOf({ roles: ['operator'], accessGroup: 'it' }),
    token: await issuer.sign(),
    'operator by token': await issuer.sign({ sub: 'root', roles: ['operator'] }),
  }
  const mine = await hireOne(credentials.maker ?? '')
  const code = await node.enqueue(provision, {})
  await Promise.all([mine, code].map((id) => node.result(id, { wait: '20s' })))
  const missing = itemIdAt(rowIdOf(mine), 4000)
  const places = { '{mine}': mine, '{code}': code, '{missing}': missing }
  const [, , ...rows] = table.split('\n')
  let cells = 0
  for (const row of rows) {
    const [method = '', path = '', ...statuses] = row.trim().split(/\s+/)
    assert.equal(statuses.length, callers.length, row)
    let target = path
    for (const [name, id] of Object.entries(places)) target = target.replace(name, `/queue-items/${id}`)
    for (const [at, caller] of callers.entries()) {
      const body = method === 'POST' ? {} : undefined
      const answer = await send(method, target, credentials[caller], body)
      await answer.arrayBuffer()
      assert.equal(answer.status, Number(statuses[at]), `${method} ${path} by ${caller}`)
      cells += 1
    }
  }
  assert.equal(cells, 23 * 14)
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
