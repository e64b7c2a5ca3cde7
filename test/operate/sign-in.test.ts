import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Browser, tokenIn, untilStatus, type Json } from './browser.ts'
import { setupOperate } from './setup.ts'

test('a link signs somebody in, once', async (t) => {
  const { node, browser } = await setupOperate(t)
  const link = await node.consoleLink()
  const { port } = new URL(node.url ?? '')
  assert.match(link, new RegExp(`^http://127\\.0\\.0\\.1:${port}/console#link=[\\w-]{43}$`))
  const one = browser()
  await one.open(link)
  assert.match(
    one.setCookie ?? '',
    new RegExp(`^coatcheck-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
  )
  const { operator, expiresAt, node: shown } = await one.json('GET', '/session')
  assert.equal((operator as Json)['role'], 'administrator')
  assert.match(String((operator as Json)['id']), /^link:[\w-]{12}$/)
  const lasts = Date.parse(String(expiresAt)) - (await node.now()).getTime()
  assert.ok(lasts > 29 * 60_000 && lasts <= 30 * 60_000, String(lasts))
  assert.deepEqual(Object.keys(shown as Json).toSorted(), ['durability', 'name', 'version'])
  const again = await browser().json('POST', '/sign-in/link', { token: tokenIn(link) }, 401)
  assert.equal(again['code'], 'SIGN_IN_REFUSED')
})

test('two who open a link at once: one is signed in', async (t) => {
  const { node, browser } = await setupOperate(t)
  const token = tokenIn(await node.consoleLink())
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => browser().ask('POST', '/sign-in/link', { token })),
  )
  const count = (status: number) => answers.filter((answer) => answer.status === status).length
  assert.deepEqual([count(204), count(401)], [1, 7])
})

test('a link is good for 10 minutes, and a role that is none is refused', async (t) => {
  const { node, browser } = await setupOperate(t)
  const [good, old] = [await node.consoleLink(), await node.consoleLink()]
  await node.advance('9 minutes')
  await browser().open(good)
  await node.advance('1 minute')
  await browser().json('POST', '/sign-in/link', { token: tokenIn(old) }, 401)
  await assert.rejects(node.consoleLink({ role: 'root' as never }), { code: 'OPTION_INVALID' })
})

test('without a session nothing is told, not even what is there', async (t) => {
  const { browser } = await setupOperate(t)
  for (const [method, path] of [
    ['GET', '/session'],
    ['GET', '/users'],
    ['GET', '/nowhere'],
    ['PATCH', '/users'],
    ['POST', '/users'],
    ['GET', ''],
  ] as const) {
    const answer = await browser().ask(method, path)
    assert.equal(answer.status, 401, `${method} ${path}`)
    assert.equal(((await answer.json()) as Json)['code'], 'SIGN_IN_REQUIRED')
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="coatcheck"')
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  }
  const stranger = browser()
  stranger.cookie = `coatcheck-${new URL(stranger.url).port}=${'A'.repeat(43)}`
  assert.equal((await stranger.ask('GET', '/session')).status, 401)
})

test('signing out ends the session on every node within 5 seconds', async (t) => {
  const { node, where, signedIn } = await setupOperate(t)
  const { node: other } = await setupOperate(t, { place: where })
  const here = await signedIn()
  const there = new Browser(other.url ?? '')
  // ports have names of their own for the cookie of one node
  there.cookie = `coatcheck-${new URL(other.url ?? '').port}=${here.cookie?.split('=')[1] ?? ''}`
  assert.equal((await there.ask('GET', '/session')).status, 200)
  const { cookie } = here
  await here.json('POST', '/sign-out', undefined, 204)
  assert.match(here.setCookie ?? '', /=; Path=\/; HttpOnly; SameSite=Strict; Max-Age=0$/)
  assert.ok((await untilStatus(() => there.ask('GET', '/session'), 401)) < 5_000)
  here.cookie = cookie
  assert.equal((await here.ask('GET', '/session')).status, 401, 'on the node itself at once')
  assert.ok(node.url)
})

test('signing in begins another session, and ends the one that the browser came with', async (t) => {
  const { node, signedIn, browser } = await setupOperate(t)
  const attacker = await signedIn('observer')
  // a page of another port may have put the cookie there
  const victim = browser()
  victim.cookie = attacker.cookie
  await victim.open(await node.consoleLink())
  assert.notEqual(victim.cookie, attacker.cookie)
  assert.equal((await attacker.ask('GET', '/session')).status, 401)
  assert.equal((await victim.ask('GET', '/session')).status, 200)
  const chosen = browser()
  const [name = ''] = victim.cookie?.split('=') ?? []
  chosen.cookie = `${name}=${'B'.repeat(43)}`
  await chosen.open(await node.consoleLink())
  assert.ok(!chosen.cookie?.includes('BBBB'), 'nobody chooses the secret of a session')
})

test('through TLS the cookie is one that no other host can set', async (t) => {
  const { node } = await setupOperate(t)
  const token = tokenIn(await node.consoleLink())
  const ask = (path: string, init: RequestInit) =>
    node.fetch(new Request(`https://coatcheck.example.com/operate${path}`, init))
  const answer = await ask('/sign-in/link', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ token }),
  })
  assert.equal(answer.status, 204)
  const set = answer.headers.get('set-cookie') ?? ''
  assert.match(set, /^__Host-coatcheck=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
  const cookie = set.split(';')[0] ?? ''
  assert.equal((await ask('/session', { headers: { cookie } })).status, 200)
})

test('an API key with a role of the node opens the API, and has its own limit there', async (t) => {
  const { node } = await setupOperate(t)
  const { id, key } = await node.apiKeys.create({
    name: 'night shift',
    roles: ['observer', 'operator'],
    accessGroup: 'hr',
    rate: { quota: 2, window: '1 day' },
  })
  const { key: plain } = await node.apiKeys.create({ name: 'payroll' })
  const ask = (credentials: string, method = 'GET', path = '/session') =>
    fetch(new URL(`/operate${path}`, node.url), {
      method,
      headers: { authorization: `Bearer ${credentials}` },
    })
  const answer = await ask(key)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('ratelimit'), '"key";r=1;t=86400')
  const { operator } = (await answer.json()) as Json
  assert.deepEqual(operator, { id: `key:${id}`, name: 'night shift', role: 'operator', accessGroup: 'hr' })
  assert.equal((await ask(key, 'POST', '/sign-out')).status, 404, 'there is no session to end')
  assert.equal((await ask(key)).status, 429)
  const refused = await ask(plain)
  assert.equal(refused.status, 403)
  assert.match(String(((await refused.json()) as Json)['detail']), /payroll has no role of the node/)
  assert.equal((await ask(`${key}x`)).status, 401)
})

test('a host that is another name for this machine is refused while there is no auth', async (t) => {
  const { node } = await setupOperate(t)
  const { request } = await import('node:http')
  const ask = (host: string, path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const { hostname, port } = new URL(node.url ?? '')
      request({ host: hostname, port, path, headers: { host } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .on('error', reject)
        .end()
    })
  const { port } = new URL(node.url ?? '')
  assert.equal(await ask(`evil.example:${port}`, '/operate/sign-in'), 403)
  assert.equal(await ask(`evil.example:${port}`, '/console'), 403)
  assert.equal(await ask(`localhost:${port}`, '/operate/sign-in'), 200)
})
