import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiKeyCheck } from '../../src/http/api-key-check.ts'
import { createApiKey } from '../../src/http/api-key.ts'
import { createNode, isCoatcheckError } from '../../src/index.ts'
import { engineOf } from '../../src/node.ts'
import { freshPlace, setup } from '../flows/setup.ts'
import { setupAuth } from './auth-setup.ts'
import { bodyOf } from './door-setup.ts'
import { hr, provision } from './hr-application.ts'
import { startIssuer } from './issuer.ts'

test('an API key opens the services, and what it handed over says who it was', async (t) => {
  const { node, send } = await setupAuth(t, { apiKeys: true })
  const { id, key } = await node.apiKeys.create({ name: 'payroll', accessGroup: 'hr' })
  const answer = await send('POST', '/services/hr/ask', key, { text: 'hello' })
  assert.equal(answer.status, 200)
  const { context } = (await answer.json()) as { context: Record<string, string> }
  assert.equal(context['caller'], `key:${id}`)
  assert.equal(context['operator'], 'payroll')
  assert.equal(context['accessGroup'], 'hr')
  const accepted = await send('POST', '/services/hr/hire', key, {})
  assert.equal(accepted.status, 202)
  const { links } = (await accepted.json()) as { links: { result: string } }
  const result = await send('GET', `${links.result}?wait=20s`, key)
  assert.equal(result.status, 200)
  assert.equal(((await result.json()) as { context: { caller: string } }).context.caller, `key:${id}`)
})

test('the access group of a service is for callers without one', async (t) => {
  const { node, send } = await setupAuth(t, {})
  for (const [accessGroup, wanted] of [
    [undefined, 'finance'],
    ['hr', 'hr'],
  ]) {
    const { key } = await node.apiKeys.create({
      name: 'x',
      roles: ['payroll'],
      ...(accessGroup !== undefined && { accessGroup }),
    })
    const { context } = (await bodyOf(await send('POST', '/services/hr/pay', key, {}))) as {
      context: { accessGroup: string }
    }
    assert.equal(context.accessGroup, wanted)
  }
})

test('nothing that a request says changes who it is from', async (t) => {
  const { node } = await setupAuth(t, {})
  const { id, key } = await node.apiKeys.create({ name: 'payroll' })
  const answer = await fetch(new URL('/services/hr/ask?caller=root&operator=root', node.url), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'x-caller': 'root',
      'x-operator': 'root',
      caller: 'root',
    },
    body: '{"text":"x","caller":"root","context":{"caller":"root"},"operator":"root"}',
  })
  const { context } = (await answer.json()) as { context: Record<string, string> }
  assert.equal(context['caller'], `key:${id}`)
  assert.equal(context['operator'], 'payroll')
})

test('without credentials: 401, and the challenge says no more than how to sign in', async (t) => {
  const { send } = await setupAuth(t, {})
  for (const [method, path] of [
    ['GET', '/'],
    ['POST', '/services/hr/ask'],
    ['GET', '/services/hr/ask'],
    ['GET', '/queue-items/0199f3a1-7c00-8001-8001-5f3c9a2b1000'],
    ['GET', '/queue-items/0199f3a1-7c00-8001-8001-5f3c9a2b1000/result'],
    ['GET', '/nowhere'],
  ] as const) {
    const answer = await send(method, path)
    assert.equal(answer.status, 401, path)
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="coatcheck"')
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    assert.equal((await bodyOf(answer))['code'], 'SIGN_IN_REQUIRED')
  }
  for (const path of ['/healthz', '/readyz']) assert.equal((await send('GET', path)).status, 200)
})

test('credentials that are not accepted: 401 with the reason, as RFC 6750 writes it', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const { key } = await node.apiKeys.create({ name: 'payroll' })
  const swapped = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`
  for (const [authorization, reason] of [
    [`Bearer ${createApiKey().key}`, 'the API key is unknown'],
    [`Bearer ${swapped}`, 'the API key is not one: its form or its checksum is wrong'],
    ['Bearer a.b.c', 'what was sent as a Bearer token is no API key'],
    ['Bearer', "Authorization is not of the form 'Bearer …'"],
    [`Basic ${btoa(`payroll:${key}`)}`, "Authorization is not of the form 'Bearer …'"],
    [key, "Authorization is not of the form 'Bearer …'"],
    [`Bearer ${key}, Bearer ${key}`, "Authorization is not of the form 'Bearer …'"],
  ] as const) {
    const answer = await fetch(new URL('/', node.url), { headers: { authorization } })
    assert.equal(answer.status, 401, authorization)
    assert.equal(
      answer.headers.get('www-authenticate'),
      `Bearer realm="coatcheck", error="invalid_token", error_description="${reason.replace('…', '?')}"`,
    )
    assert.equal((await bodyOf(answer))['code'], 'TOKEN_INVALID')
  }
  assert.equal((await send('GET', `/?access_token=${key}`)).status, 401)
  const lower = await fetch(new URL('/', node.url), { headers: { authorization: `bearer ${key}` } })
  assert.equal(lower.status, 200)
})

test('the secret of another key does not open, and the answer is that of an unknown key', async (t) => {
  const { node, send } = await setupAuth(t, {})
  const mine = await node.apiKeys.create({ name: 'mine' })
  // a key of the right form with the id of another one: as who guesses secrets sends it
  const forged = await forgeKey(mine.id)
  const [wrong, unknown] = [await send('GET', '/', forged), await send('GET', '/', createApiKey().key)]
  assert.equal(wrong.status, 401)
  const withoutIds = (body: object) => JSON.stringify({ ...body, correlationId: undefined })
  assert.equal(withoutIds(await bodyOf(wrong)), withoutIds(await bodyOf(unknown)))
  assert.equal(wrong.headers.get('www-authenticate'), unknown.headers.get('www-authenticate'))
  assert.equal((await send('GET', '/', mine.key)).status, 200)
  assert.equal((await send('GET', '/', forged)).status, 401, 'also when the right one is known by now')
})

test('a wrong secret takes the way of an unknown key, also of a key that is in use', async (t) => {
  const node = await setup(t, [provision], {})
  const { driver, schema, warnings } = engineOf(node).database
  let asked = 0
  const run: typeof driver.run = (...call) => {
    asked += 1
    return driver.run(...call)
  }
  const counting = Object.assign(Object.create(driver) as typeof driver, { run })
  const check = new ApiKeyCheck({ driver: counting, schema, warnings }, assert.fail)
  const { id, key } = await node.apiKeys.create({ name: 'in use' })
  await check.callerOf(key)
  const askedBy = async (text: string) => {
    asked = 0
    await check.callerOf(text).catch((error: unknown) => assert.ok(isCoatcheckError(error, 'TOKEN_INVALID')))
    return asked
  }
  assert.equal(await askedBy(key), 0)
  // nor does its use cost more than its look-up, once that was noted
  asked = 0
  await new ApiKeyCheck({ driver: counting, schema, warnings }, assert.fail).callerOf(key)
  assert.equal(asked, 1)
  for (let n = 0; n < 3; n++) {
    assert.equal(await askedBy(await forgeKey(id)), 1)
    assert.equal(await askedBy(createApiKey().key), 1)
  }
})

/** A well-formed key with an id, found as anybody could: the checksum is no secret. */
async function forgeKey(id: string): Promise<string> {
  const { crc32 } = await import('node:zlib')
  const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const head = `ck_${id}_${createApiKey().key.slice(16, 59)}`
  let checksum = ''
  for (let rest = crc32(head), at = 0; at < 6; at++, rest = Math.floor(rest / 62))
    checksum = (letters[rest % 62] ?? '') + checksum
  return head + checksum
}

test('a key that is revoked on one node is dead on the other within 5 s', async (t) => {
  const one = await setupAuth(t, {})
  // the embedded database is shared in the process
  const two = await setupAuth(t, {}, { place: one.where })
  const { id, key } = await one.node.apiKeys.create({ name: 'payroll' })
  for (const { send } of [one, two]) assert.equal((await send('GET', '/', key)).status, 200)
  await one.node.apiKeys.revoke(id)
  const revokedAt = performance.now()
  for (const { send } of [one, two]) {
    while ((await send('GET', '/', key)).status === 200) {
      assert.ok(performance.now() - revokedAt < 5000, 'it lives after 5 s')
      await delay(50)
    }
    const answer = await send('GET', '/', key)
    assert.match(answer.headers.get('www-authenticate') ?? '', /the API key has been revoked/)
  }
  assert.equal((await two.node.apiKeys.list()).find((each) => each.id === id)?.state, 'revoked')
  await one.node.apiKeys.revoke(id)
  await assert.rejects(one.node.apiKeys.revoke('nope'), (error) =>
    isCoatcheckError(error, 'API_KEY_NOT_FOUND'),
  )
})

test('a key ends when its time is over, by the clock of the database', async (t) => {
  const node = await setup(t, [provision], { auth: {}, http: { port: 0 } })
  const { key } = await node.apiKeys.create({ name: 'short', expires: '90d' })
  const ask = () => fetch(new URL('/', node.url), { headers: { authorization: `Bearer ${key}` } })
  await node.advance('89d')
  assert.equal((await ask()).status, 200)
  await node.advance('1d')
  const from = performance.now()
  while ((await ask()).status === 200) {
    assert.ok(performance.now() - from < 5000, 'it lives 5 s after its end')
    await delay(50)
  }
  assert.match((await ask()).headers.get('www-authenticate') ?? '', /the API key has expired/)
  assert.equal((await node.apiKeys.list())[0]?.state, 'expired')
})

test('the last use of a key is kept to five minutes, and a request is no write', async (t) => {
  const node = await setup(t, [provision], { auth: {} })
  const { database } = engineOf(node)
  const { key } = await node.apiKeys.create({ name: 'seen' })
  const lastUse = async () => (await node.apiKeys.list())[0]?.lastUsedAt?.getTime() ?? 0
  /** As a node that remembers no key. */
  const use = () => new ApiKeyCheck(database, assert.fail).callerOf(key)
  /** Changes with each write of a row. */
  const version = async () =>
    (await node.query(`select xmin::text, ctid::text from ${node.place.schema}.api_key`)).rows
  assert.equal(await lastUse(), 0)
  await use()
  const first = await lastUse()
  assert.ok(Math.abs(first - (await node.now()).getTime()) < 30_000)
  const written = await version()
  await node.advance('4 minutes')
  for (let n = 0; n < 20; n++) await use()
  assert.deepEqual(await version(), written)
  await node.advance('2 minutes')
  await use()
  assert.ok((await lastUse()) - first >= 360_000)
})

test('many who ask at once ask the database once, and each gets its own answer', async (t) => {
  const node = await setup(t, [provision], {})
  const { database } = engineOf(node)
  const keys = await Promise.all(
    Array.from({ length: 20 }, (_, n) => node.apiKeys.create({ name: `caller-${n}` })),
  )
  const check = new ApiKeyCheck(database, assert.fail)
  const asked = await Promise.allSettled([
    ...keys.map(({ key }) => check.callerOf(key)),
    ...Array.from({ length: 2000 }, () => check.callerOf(createApiKey().key)),
  ])
  assert.deepEqual(
    asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value.name] : [])),
    keys.map(({ name }) => name),
  )
})

test('a token of a trusted issuer opens the services, and who may see what follows its subject', async (t) => {
  const issuer = await startIssuer(t)
  const { node, send, hireOne } = await setupAuth(t, {
    jwt: [{ issuer: issuer.url, audience: 'coatcheck', rolesClaim: 'roles' }],
  })
  const ada = await issuer.sign({ sub: 'ada', roles: ['payroll'] })
  const bob = await issuer.sign({ sub: 'bob' })
  const answer = await send('POST', '/services/hr/pay', ada, {})
  assert.equal(answer.status, 200)
  const { context } = (await answer.json()) as { context: Record<string, string> }
  assert.equal(context['caller'], `${issuer.url}#ada`)
  assert.equal(context['operator'], 'ada')
  assert.equal((await send('POST', '/services/hr/pay', bob, {})).status, 403)
  const id = await hireOne(ada)
  assert.equal((await send('GET', `/queue-items/${id}`, ada)).status, 200)
  assert.equal((await send('GET', `/queue-items/${id}`, bob)).status, 404)
  // another token of the same subject is the same caller
  assert.equal((await send('GET', `/queue-items/${id}`, await issuer.sign({ sub: 'ada' }))).status, 200)
  // both kinds of credentials are accepted beside each other
  const { key } = await node.apiKeys.create({ name: 'key' })
  assert.equal((await send('GET', '/', key)).status, 200)
})

test('an issuer that is down is told with 503 and when to come again', async (t) => {
  const issuer = await startIssuer(t)
  const token = await issuer.sign()
  await issuer.kill()
  const { node, send } = await setupAuth(t, { jwt: [{ issuer: issuer.url, audience: 'coatcheck' }] })
  const answer = await send('GET', '/', token)
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('retry-after'), '5')
  assert.equal((await bodyOf(answer))['code'], 'ISSUER_UNREACHABLE')
  const { key } = await node.apiKeys.create({ name: 'key' })
  assert.equal((await send('GET', '/', key)).status, 200)
})

test('with auth a mounted node answers, under any Host, and in production', async (t) => {
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  t.after(() => (before === undefined ? delete process.env['NODE_ENV'] : (process.env['NODE_ENV'] = before)))
  const { node } = await setupAuth(t, {}, { http: { port: 0, host: '0.0.0.0' } })
  assert.match(node.warnings.join('\n'), /http\.host is 0\.0\.0\.0, and the node itself speaks plain HTTP/)
  const { key } = await node.apiKeys.create({ name: 'key' })
  const request = () =>
    new Request('https://integration.example/', { headers: { authorization: `Bearer ${key}` } })
  assert.equal((await node.fetch(request())).status, 200)
  assert.equal((await node.fetch(new Request('https://integration.example/'))).status, 401)
  const { port } = new URL(node.url ?? '')
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 401)
})

test('services that are open to everybody answer without credentials, and nothing else does', async (t) => {
  const { node, send } = await setupAuth(t, { anonymous: { services: ['hr/apply'] } })
  const { key } = await node.apiKeys.create({ name: 'other' })
  const { key: operator } = await node.apiKeys.create({ name: 'ops', roles: ['operator'] })
  const accepted = await send('POST', '/services/hr/apply', undefined, {})
  assert.equal(accepted.status, 202)
  const { id, links } = (await accepted.json()) as { id: string; links: { self: string; result: string } }
  await node.result(id as never, { wait: '20s' })
  // nobody in particular handed it over, so nobody in particular may see it
  for (const path of [links.self, links.result]) {
    assert.equal((await send('GET', path)).status, 401)
    assert.equal((await send('GET', path, key)).status, 404)
    assert.equal((await send('GET', path, operator)).status, 200)
  }
  assert.equal((await node.item(id))?.context.caller, 'anonymous')
  for (const [method, path] of [
    ['GET', '/'],
    ['POST', '/services/hr/hire'],
    ['POST', '/services/hr/appl%79/'],
    ['GET', '/services/hr/nowhere'],
  ] as const)
    assert.equal((await send(method, path, undefined, method === 'POST' ? {} : undefined)).status, 401, path)
  // wrong credentials are not as good as none
  assert.equal((await send('POST', '/services/hr/apply', createApiKey().key, {})).status, 401)
})

test('what is wrong with a new key is told at once, and nothing is made', async (t) => {
  const node = await createNode({ applications: [hr], ...(await freshPlace()), log: false })
  t.after(() => node.stop())
  await assert.rejects(
    node.apiKeys.create({ nam: 'x', services: ['hire'], expires: '3 seconds', rate: { quota: 0 } } as never),
    (error) => {
      assert.ok(isCoatcheckError(error, 'OPTION_INVALID'))
      assert.match(error.message, /unknown option "nam"; did you mean "name"\?/)
      assert.match(error.message, /services is \["hire"\]; "hire" is no application\/service/)
      assert.match(error.message, /expires is "3 seconds"; write a duration of 1 minute to 10 years/)
      assert.match(error.message, /rate\.quota is 0/)
      assert.match(error.message, /rate\.window is undefined/)
      return true
    },
  )
  assert.deepEqual(await node.apiKeys.list(), [])
})
