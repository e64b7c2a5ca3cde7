import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Browser } from './browser.ts'
import { startProvider } from './oidc-provider.ts'
import { setupOperate } from './setup.ts'

async function setupOidc(t: Parameters<typeof startProvider>[0], secretIn: 'header' | 'body' = 'header') {
  const provider = await startProvider(t, { secretIn })
  const issuers = [
    {
      issuer: provider.issuer,
      clientId: 'coatcheck',
      clientSecret: provider.secret,
      name: 'Example Corp',
      rolesClaim: 'realm_access.roles',
      roles: { ops: 'operator', admins: 'administrator' },
      accessGroupClaim: 'department',
    },
  ] as const
  const set = await setupOperate(t, { operate: { issuers } })
  /** Goes to the provider, with the trip in the cookie. */
  const leave = async (browser: Browser, to?: string) => {
    const query = to === undefined ? '' : `?to=${encodeURIComponent(to)}`
    const answer = await browser.ask('GET', `/sign-in/issuers/example-corp${query}`)
    assert.equal(answer.status, 302)
    return new URL(answer.headers.get('location') ?? '')
  }
  /** Comes back from it, as the provider sends it. */
  const comeBack = async (browser: Browser, address: URL) => {
    const sent = await fetch(address, { redirect: 'manual' })
    assert.equal(sent.status, 302, await sent.text())
    const back = new URL(sent.headers.get('location') ?? '')
    return browser.ask('GET', back.pathname.replace('/operate', '') + back.search, undefined, {
      'sec-fetch-site': 'cross-site',
    })
  }
  return { ...set, provider, leave, comeBack }
}

const good = { realm_access: { roles: ['users', 'ops'] }, department: 'hr', name: 'Ada Lovelace' }

for (const secretIn of ['header', 'body'] as const)
  test(`whoever the provider knows is signed in, with the role of a claim (secret in the ${secretIn})`, async (t) => {
    const { provider, browser, leave, comeBack, signedIn } = await setupOidc(t, secretIn)
    provider.behaviour.claims = good
    const user = browser()
    assert.deepEqual((await user.json('GET', '/sign-in'))['issuers'], [
      { id: 'example-corp', name: 'Example Corp' },
    ])
    const address = await leave(user)
    assert.match(
      user.setCookie ?? '',
      /^coatcheck-\d+-trip=\S+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/,
    )
    const answer = await comeBack(user, address)
    assert.equal(answer.headers.get('location'), '/console')
    const [session, trip, ...more] = answer.headers.getSetCookie()
    assert.match(session ?? '', /^coatcheck-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    // of the trip nothing is left in the browser
    assert.match(trip ?? '', /^coatcheck-\d+-trip=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0$/)
    assert.deepEqual(more, [])
    assert.deepEqual((await user.json('GET', '/session'))['operator'], {
      id: `${provider.issuer}#u-1`,
      name: 'Ada Lovelace',
      role: 'operator',
      accessGroup: 'hr',
    })
    const { items } = await (await signedIn()).json('GET', '/audit?act=sign-in')
    const names = (items as { operator: { name: string } }[]).map(({ operator }) => operator.name)
    assert.deepEqual(names, ['one-time link', 'Ada Lovelace'])
  })

test('an answer that is not the one to this browser’s question signs nobody in', async (t) => {
  const { provider, browser, leave, comeBack } = await setupOidc(t)
  provider.behaviour.claims = good
  const refused = async (answer: Response, why: string, code = 'SIGN_IN_REFUSED') => {
    assert.equal(answer.status, 302, why)
    assert.equal(answer.headers.get('location'), `/console#refused=${code}`, why)
    assert.equal(answer.headers.get('set-cookie'), null, why)
  }
  const [one, other] = [browser(), browser()]
  const address = await leave(one)
  await leave(other)
  await refused(await comeBack(other, address), 'the state of another browser')
  await refused(await comeBack(browser(), address), 'no cookie')
  address.searchParams.set('state', 'A'.repeat(43))
  await refused(await comeBack(one, address), 'another state')

  const forged = await leave(one)
  forged.searchParams.set('nonce', 'B'.repeat(43))
  await refused(await comeBack(one, forged), 'another nonce')
  const unproven = await leave(one)
  unproven.searchParams.set('code_challenge', 'C'.repeat(43))
  await refused(await comeBack(one, unproven), 'another verifier', 'ISSUER_UNREACHABLE')
  provider.behaviour.iss = 'https://evil.example'
  await refused(await comeBack(one, await leave(one)), 'another issuer')
  delete provider.behaviour.iss
  provider.behaviour.deny = true
  await refused(await comeBack(one, await leave(one)), 'denied')
  provider.behaviour.deny = false
  for (const [claims, code] of [
    [{ ...good, realm_access: { roles: ['users'] } }, 'SIGN_IN_REFUSED'],
    [{ ...good, realm_access: undefined }, 'SIGN_IN_REFUSED'],
    [{ ...good, azp: 'another client' }, 'SIGN_IN_REFUSED'],
    [{ ...good, aud: ['coatcheck', 'another'] }, 'SIGN_IN_REFUSED'],
    [{ ...good, aud: 'another' }, 'TOKEN_INVALID'],
    [{ ...good, exp: 1_000 }, 'TOKEN_INVALID'],
    [{ ...good, department: undefined }, 'TOKEN_INVALID'],
    [{ ...good, iss: 'https://evil.example' }, 'TOKEN_INVALID'],
  ] as const) {
    provider.behaviour.claims = claims
    await refused(await comeBack(one, await leave(one)), JSON.stringify(claims), code)
  }
  assert.equal((await one.ask('GET', '/session')).status, 401)
})

test('whoever signs in comes back to where they wanted to be, and nowhere else', async (t) => {
  const { provider, browser, leave, comeBack } = await setupOidc(t)
  provider.behaviour.claims = good
  for (const [to, place] of [
    ['/items?state=broken&q=a%20b', '/console/items?state=broken&q=a%20b'],
    ['?theme=dark', '/console?theme=dark'],
    ['/queues/hr/../x', '/console/queues/x'],
    ['/../operate/session', '/console'],
    ['/%2e%2e/%2e%2e/services/hr/hire', '/console'],
    ['//evil.example', '/console//evil.example'],
    ['/\\evil.example', '/console//evil.example'],
    ['.evil.example', '/console'],
    ['@evil.example', '/console'],
    ['https://evil.example', '/console'],
    ['/a b', '/console'],
    ['/a\r\nset-cookie: b=c', '/console'],
    [`/${'x'.repeat(1_000)}`, '/console'],
  ] as const) {
    const user = browser()
    const answer = await comeBack(user, await leave(user, to))
    assert.equal(answer.headers.get('location'), place, to)
  }
  // What the cookie says is not believed either.
  const user = browser()
  const address = await leave(user, '/items')
  user.cookie = user.cookie?.replace(/\.[\w-]*$/, `.${Buffer.from('/../../x').toString('base64url')}`)
  const answer = await comeBack(user, address)
  assert.equal(answer.headers.get('location'), '/console')
})

test('a code is good once', async (t) => {
  const { provider, browser, leave, node } = await setupOidc(t)
  provider.behaviour.claims = good
  const user = browser()
  const sent = await fetch(await leave(user), { redirect: 'manual' })
  const back = new URL(sent.headers.get('location') ?? '')
  const trip = user.cookie ?? ''
  const come = () =>
    fetch(new URL(back.pathname + back.search, node.url), { redirect: 'manual', headers: { cookie: trip } })
  assert.equal((await come()).headers.get('location'), '/console')
  assert.match((await come()).headers.get('location') ?? '', /#refused=/)
})

test('the session that the browser left with ends when it comes back', async (t) => {
  const { provider, signedIn, browser, leave, comeBack } = await setupOidc(t)
  provider.behaviour.claims = good
  const user = await signedIn('observer')
  const before = browser()
  before.cookie = user.cookie
  const address = await leave(user)
  // it may turn back, and goes on as it was
  assert.equal((await before.ask('GET', '/session')).status, 200)
  // only the trip comes back: the cookie of the session is not sent from another site
  assert.equal((await comeBack(user, address)).headers.get('location'), '/console')
  assert.equal((await user.ask('GET', '/session')).status, 200)
  assert.equal((await before.ask('GET', '/session')).status, 401)
})

test('a provider that is away is told as such, and one that is not there as well', async (t) => {
  const { browser } = await setupOperate(t, {
    operate: {
      issuers: [
        {
          issuer: 'http://127.0.0.1:9/realm',
          clientId: 'coatcheck',
          name: 'Away',
          rolesClaim: 'groups',
          roles: { ops: 'operator' },
        },
      ],
    },
  })
  const away = await browser().json('GET', '/sign-in/issuers/away', undefined, 503)
  assert.equal(away['code'], 'ISSUER_UNREACHABLE')
  await browser().json('GET', '/sign-in/issuers/nowhere', undefined, 404)
})

test('behind a proxy browsers are sent back to where they find the node', async (t) => {
  const provider = await startProvider(t)
  const { browser } = await setupOperate(t, {
    http: { port: 0, basePath: '/in' },
    operate: {
      url: 'https://coatcheck.example.com/',
      issuers: [
        {
          issuer: provider.issuer,
          clientId: 'c',
          name: 'Corp',
          id: 'corp',
          rolesClaim: 'g',
          roles: { o: 'observer' },
        },
      ],
    },
  })
  const { url } = browser()
  const answer = await fetch(new URL('/in/operate/sign-in/issuers/corp', url), { redirect: 'manual' })
  const { searchParams } = new URL(answer.headers.get('location') ?? '')
  assert.equal(
    searchParams.get('redirect_uri'),
    'https://coatcheck.example.com/in/operate/sign-in/issuers/corp/answer',
  )
  assert.equal(searchParams.get('scope'), 'openid profile email')
})
