import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/node.ts'
import { tokenIn, type Json } from './browser.ts'
import { operationsOf } from './routes-of.ts'
import { setupOperate } from './setup.ts'

test('no page of another site does anything with the cookie of somebody who is signed in', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const browser = await signedIn()
  const { driver, schema } = engineOf(node).database
  const standing = async () => {
    const tables = ['operator_user', 'operator_session', 'operator_audit', 'api_key', 'operator_link']
    const rows = await Promise.all(
      tables.map((name) =>
        driver.query(`select to_json(t)::text as line from "${schema}".${name} t order by 1`),
      ),
    )
    return rows.map((each) => each.rows.map((row) => String(row['line']).replace(/"seen_at":"[^"]*"/, '')))
  }
  const before = await standing()
  const operations = (await operationsOf(browser)).filter(({ method }) => method !== 'GET')
  assert.ok(operations.length >= 8)
  const own = new URL(browser.url)
  const senders: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: `http://127.0.0.1:${Number(own.port) + 1}` },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://${own.hostname}` },
    { origin: `http://${own.hostname}:${own.port}.evil.example` },
    {},
  ]
  const bodies = [
    { type: 'application/x-www-form-urlencoded', text: 'name=eve&role=administrator' },
    { type: 'text/plain', text: '{"name":"eve","role":"administrator","roles":["administrator"]}' },
    { type: 'application/json', text: '{"name":"eve","role":"administrator"}' },
    { type: 'application/json', text: '{"name":"eve","roles":["administrator"]}' },
    { type: 'application/json', text: '{}' },
  ]
  let sent = 0
  for (const { method, path, role } of operations)
    for (const sender of senders)
      for (const { type, text } of bodies) {
        // nobody in particular may sign in from a program, which sends neither header
        if (role === 'anybody' && Object.keys(sender).length === 0) continue
        const answer = await fetch(new URL(`/operate${path}`, browser.url), {
          method,
          headers: { cookie: browser.cookie ?? '', 'content-type': type, ...sender },
          body: text,
        })
        const { code } = (await answer.json()) as Json
        assert.equal(code, 'CROSS_SITE_REFUSED', `${method} ${path} ${JSON.stringify(sender)}`)
        assert.equal(answer.headers.get('access-control-allow-origin'), null)
        sent += 1
      }
  assert.ok(sent >= 300, String(sent))
  assert.deepEqual(await standing(), before)
})

test('what is no JSON has no effect, wherever it comes from', async (t) => {
  const { signedIn } = await setupOperate(t)
  const browser = await signedIn()
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
    const answer = await browser.ask(
      'POST',
      '/users',
      { name: 'eve', role: 'observer' },
      { 'content-type': type },
    )
    assert.equal(answer.status, 415, type)
  }
  assert.deepEqual((await browser.json('GET', '/users'))['items'], [])
})

test('a browser without Sec-Fetch-Site is known by its Origin, a proxy that ends TLS notwithstanding', async (t) => {
  const { node, signedIn } = await setupOperate(t)
  const browser = await signedIn()
  const { host } = new URL(browser.url)
  for (const [origin, status] of [
    [`http://${host}`, 422],
    [`https://${host}`, 422],
    [`https://evil.example`, 403],
    [`ftp://${host}`, 403],
  ] as const) {
    const answer = await fetch(new URL('/operate/users', browser.url), {
      method: 'POST',
      headers: { cookie: browser.cookie ?? '', origin, 'content-type': 'application/json' },
      body: '{}',
    })
    assert.equal(answer.status, status, origin)
  }
  const token = tokenIn(await node.consoleLink())
  const program = await fetch(new URL('/operate/sign-in/link', browser.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  assert.equal(program.status, 204)
})
