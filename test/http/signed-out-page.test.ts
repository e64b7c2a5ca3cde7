import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CoatcheckError } from '../../src/base/errors.ts'
import { signInRequired, type Caller } from '../../src/http/caller.ts'
import { bodyOf, setupDoor } from './door-setup.ts'

const browser = { headers: { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' } }

function setup(refusal: Error = signInRequired()) {
  return setupDoor({ auth: { signIn: { callerOf: (): Promise<Caller> => Promise.reject(refusal) } } })
}

test('a browser that has not signed in is told how to ask, on a page that runs nothing', async () => {
  const { ask } = setup()
  for (const path of ['/', '/docs', '/openapi.json']) {
    const page = await ask(path, browser)
    assert.equal(page.status, 401)
    assert.equal(page.headers.get('www-authenticate'), 'Bearer realm="coatcheck"')
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(page.headers.get('vary'), 'accept')
    assert.equal(page.headers.get('cache-control'), 'no-store')
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none';/)
    const html = await page.text()
    const curl = `curl -i -H &quot;authorization: Bearer $COATCHECK_KEY&quot; 'http://localhost:3000${path}'`
    assert.ok(html.replaceAll('"', '&quot;').includes(curl), html)
    assert.doesNotMatch(html, /<script|hire-worker/)
  }
})

test('programs get the problem, and so do browsers what is no matter of signing in', async () => {
  const { ask } = setup()
  for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5']) {
    const answer = await ask('/', { headers: { accept } })
    assert.equal(answer.status, 401)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="coatcheck"')
    assert.equal((await bodyOf(answer))['code'], 'SIGN_IN_REQUIRED')
  }
  const away = setup(new CoatcheckError('ISSUER_UNREACHABLE', 'away'))
  assert.equal((await away.ask('/', browser)).headers.get('content-type'), 'application/problem+json')
})

test('what the page shows of the request runs neither in a browser nor in a shell', async () => {
  const { ask } = setup(new CoatcheckError('TOKEN_INVALID', 'the key <b>x</b> is not known'))
  const page = await ask("/a'$(id)'<img>?token=secret", browser)
  assert.match(page.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
  const html = await page.text()
  assert.match(html, /'http:\/\/localhost:3000\/a%27\$\(id\)%27%3Cimg%3E'/)
  assert.match(html, /&lt;b&gt;x/)
  assert.doesNotMatch(html, /secret|<img|<b>/)
})
