import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { base64url, exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, type JWK } from 'jose'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { TokenCheck, tokenAlgorithms, type TokenIssuer } from '../../src/http/token-check.ts'
import { startIssuer } from './issuer.ts'

/** A check of tokens with a clock in hand, and its issuer. */
async function setup(t: TestContext, options: Partial<TokenIssuer> = {}) {
  const issuer = await startIssuer(t)
  const clock = { now: 0 }
  const reports: unknown[] = []
  const settings = { issuer: issuer.url, audience: ['coatcheck'], algorithms: tokenAlgorithms, ...options }
  const check = new TokenCheck([settings], {
    report: (error) => reports.push(error),
    now: () => clock.now,
  })
  /** The error that a token is refused with. */
  const refusalOf = async (token: string) => {
    try {
      const caller = await check.callerOf(token)
      throw new Error(`it was accepted, as ${caller.id}`)
    } catch (error) {
      assert.ok(isCoatcheckError(error), String(error))
      return error
    }
  }
  return { issuer, check, clock, reports, refusalOf }
}

const now = () => Math.floor(Date.now() / 1000)

test('a token says who calls: its issuer and subject, roles and access group where a claim is named', async (t) => {
  const { issuer, check } = await setup(t, {
    rolesClaim: 'realm_access.roles',
    accessGroupClaim: 'https://example.com/group',
  })
  const claims = {
    realm_access: { roles: ['operator', 7, ''] },
    'https://example.com/group': 'hr',
  }
  assert.deepEqual(await check.callerOf(await issuer.sign(claims)), {
    kind: 'token',
    id: `${issuer.url}#ada`,
    name: 'ada',
    roles: ['operator'],
    accessGroup: 'hr',
  })
})

test('a token gives no roles unless a claim is named for them; a scope is a list, too', async (t) => {
  const { issuer, check } = await setup(t)
  assert.deepEqual((await check.callerOf(await issuer.sign({ roles: ['administrator'] }))).roles, [])
  const scoped = await setup(t, { rolesClaim: 'scope' })
  const token = await scoped.issuer.sign({ scope: 'hr-caller  observer' })
  assert.deepEqual((await scoped.check.callerOf(token)).roles, ['hr-caller', 'observer'])
})

test('clocks may differ by half a minute, and every usual kind of token is taken', async (t) => {
  const { issuer, check } = await setup(t)
  for (const claims of [
    { exp: now() - 20 },
    { nbf: now() + 20 },
    { aud: ['other', 'coatcheck'] },
    { iat: undefined },
  ])
    assert.equal((await check.callerOf(await issuer.sign(claims))).name, 'ada', JSON.stringify(claims))
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', undefined])
    assert.equal((await check.callerOf(await issuer.sign({}, { typ }))).name, 'ada', typ)
})

test('what is not made for here, or not for now, is refused with its reason', async (t) => {
  const { issuer, refusalOf } = await setup(t, { accessGroupClaim: 'group' })
  for (const [claims, header, why] of [
    [{ aud: 'another' }, {}, /claim aud/],
    [{ aud: undefined }, {}, /claim aud/],
    [{ exp: now() - 60 }, {}, /has expired/],
    [{ exp: undefined }, {}, /claim exp/],
    [{ exp: 'never' }, {}, /claim exp/],
    [{ nbf: now() + 120 }, {}, /claim nbf/],
    [{ sub: undefined }, {}, /claim sub/],
    [{ sub: '' }, {}, /no claim sub/],
    [{ sub: 'a\0b' }, {}, /no claim sub/],
    [{ sub: 'a'.repeat(256) }, {}, /no claim sub/],
    [{ sub: '\ud800' }, {}, /no claim sub/],
    [{ group: undefined }, {}, /no claim group/],
    [{ group: ['hr'] }, {}, /no claim group/],
    [{ iss: `${issuer.url}/` }, {}, /issuer that is not trusted/],
    [{ iss: 'https://evil.example' }, {}, /issuer that is not trusted here: "https:\/\/evil\.example"/],
    [{ iss: undefined }, {}, /issuer that is not trusted/],
    [{}, { typ: 'logout+jwt' }, /typ is "logout\+jwt"/],
    [{}, { typ: 'secevent+jwt' }, /typ/],
  ] as const) {
    const error = await refusalOf(await issuer.sign({ group: 'hr', ...claims }, header))
    assert.equal(error.code, 'TOKEN_INVALID')
    assert.match(error.message, why, JSON.stringify({ claims, header }))
  }
})

test('no forged token is accepted, and none makes the node fetch what it names', async (t) => {
  const { issuer, check, refusalOf } = await setup(t)
  const { keys } = (await (await fetch(`${issuer.url}/keys`)).json()) as { keys: [JWK] }
  const [published] = keys
  const { kid = '' } = published
  const mine = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(mine.publicKey)
  let fetches = 0
  const trap = createServer((_, response) => {
    fetches += 1
    response.end(JSON.stringify({ keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] }))
  })
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
  t.after(() => trap.close())
  const trapUrl = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`
  const claims = { iss: issuer.url, aud: 'coatcheck', sub: 'mallory', exp: now() + 300 }
  const forge = (header: Record<string, unknown>) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(mine.privateKey)
  const part = (value: unknown) => base64url.encode(JSON.stringify(value))
  const hmac = (secret: Uint8Array, header: Record<string, unknown> = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid, ...header }).sign(secret)
  const spki = await exportSPKI(
    (await importJWK(published, 'RS256')) as Awaited<ReturnType<typeof generateKeyPair>>['publicKey'],
  )
  const real = await issuer.sign()
  const [head = '', body = '', signature = ''] = real.split('.')
  const elliptic = await generateKeyPair('ES256')
  const forged: Record<string, string> = {
    'alg none': `${part({ alg: 'none', kid })}.${part(claims)}.`,
    'alg None': `${part({ alg: 'None', kid })}.${part(claims)}.`,
    'alg none with a signature': `${part({ alg: 'none', kid })}.${part(claims)}.${signature}`,
    'the public key as the secret of HS256': await hmac(new TextEncoder().encode(spki)),
    'its modulus as the secret': await hmac(base64url.decode(published.n ?? '')),
    'an empty secret': `${part({ alg: 'HS256', kid })}.${part(claims)}.`,
    'a kid that leads elsewhere': await forge({ kid: '../../../../dev/null' }),
    'a kid with SQL': await forge({ kid: "' union select 'key" }),
    'a kid of a prototype': await forge({ kid: '__proto__' }),
    'a key of its own under the real kid': await forge({ kid }),
    'no kid': await forge({}),
    'an embedded key': await forge({ kid, jwk }),
    jku: await forge({ kid, jku: trapUrl }),
    x5u: await forge({ kid, x5u: trapUrl }),
    'jku under a kid of its own': await forge({ kid: 'mine', jku: trapUrl, jwk }),
    'crit that nobody knows': `${part({ alg: 'RS256', kid, crit: ['mine'], mine: 1 })}.${body}.${signature}`,
    'another family of algorithms': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(elliptic.privateKey),
    'other claims under a real signature': `${head}.${part({ ...claims, sub: 'root' })}.${signature}`,
    'another header under a real signature': `${part({ alg: 'RS256', kid, typ: 'JWT' })}.${body}.${signature}`,
    'a signature cut short': real.slice(0, -8),
    'no signature': `${head}.${body}.`,
    'five parts': `${head}.${body}.${signature}.${body}.${signature}`,
    garbage: 'a.b.c',
    'JSON that is no object': `${part('x')}.${part(['iss'])}.${signature}`,
    word: 'hunter2',
  }
  for (const [name, token] of Object.entries(forged))
    assert.equal((await refusalOf(token)).code, 'TOKEN_INVALID', name)
  assert.equal(fetches, 0)
  assert.equal((await check.callerOf(real)).name, 'ada')
})

test('only the algorithms that are set are accepted', async (t) => {
  const { issuer, refusalOf } = await setup(t, { algorithms: ['ES256'] })
  assert.match((await refusalOf(await issuer.sign())).message, /an algorithm that is not accepted/)
})

test('keys are fetched once, again when an unknown one is named, but not more often than callers can be trusted', async (t) => {
  const { issuer, check, clock, refusalOf } = await setup(t)
  const before = await issuer.sign()
  await Promise.all(Array.from({ length: 20 }, () => check.callerOf(before)))
  assert.deepEqual(await issuer.counts(), { configuration: 1, keys: 1 })
  await issuer.rotate()
  const after = await issuer.sign()
  // within half a minute of the last fetch an unknown kid fetches nothing
  assert.match((await refusalOf(after)).message, /a key that its issuer does not have/)
  for (let n = 0; n < 50; n++) await refusalOf(await issuer.sign({}, { kid: `guess-${n}` }))
  assert.deepEqual(await issuer.counts(), { configuration: 1, keys: 1 })
  clock.now = 31_000
  await Promise.all(Array.from({ length: 20 }, () => check.callerOf(after)))
  assert.deepEqual(await issuer.counts(), { configuration: 2, keys: 2 })
  // the key of before is not there any more
  assert.equal((await refusalOf(before)).code, 'TOKEN_INVALID')
})

test('a key that its issuer takes back is refused within ten minutes', async (t) => {
  const { issuer, check, clock, refusalOf } = await setup(t)
  const token = await issuer.sign()
  await check.callerOf(token)
  await issuer.rotate()
  clock.now = 9 * 60_000
  await check.callerOf(token)
  clock.now = 10 * 60_000
  assert.equal((await refusalOf(token)).code, 'TOKEN_INVALID')
})

test('an issuer that is down: 503 while there are no keys, with when to try again, and it is asked sparingly', async (t) => {
  const { issuer, check, clock, reports, refusalOf } = await setup(t)
  const token = await issuer.sign()
  await issuer.behave({ status: 500 })
  const error = await refusalOf(token)
  assert.equal(error.code, 'ISSUER_UNREACHABLE')
  assert.equal(error.status, 503)
  assert.equal(error.retryAfterMs, 5000)
  assert.match(String(reports[0]), /openid-configuration cannot be read: it answered 500/)
  clock.now = 2000
  assert.equal((await refusalOf(token)).retryAfterMs, 3000)
  assert.equal((await issuer.counts()).configuration, 1)
  await issuer.behave({ status: 200 })
  clock.now = 5000
  assert.equal((await check.callerOf(token)).name, 'ada')
})

test('an issuer that hangs: whose key is known waits for nothing, neither before nor after ten minutes', async (t) => {
  const { issuer, check, clock, reports } = await setup(t)
  const token = await issuer.sign()
  await check.callerOf(token)
  await issuer.behave({ status: 0 })
  const hasFailed = async (times: number) => {
    const deadline = AbortSignal.timeout(10_000)
    while (reports.length < times) await pause(20, undefined, { signal: deadline })
  }
  for (const [times, minute] of [9, 11, 30].entries()) {
    clock.now = minute * 60_000
    await Promise.all(Array.from({ length: 5 }, () => check.callerOf(token)))
    // the fetch has begun, and has not come to its end
    assert.equal(reports.length, times)
    await hasFailed(times + 1)
    assert.equal((await issuer.counts()).configuration, times + 2)
  }
  await issuer.behave({ status: 200 })
  await issuer.rotate()
  clock.now += 5_000
  await check.callerOf(token)
  assert.equal((await check.callerOf(await issuer.sign())).name, 'ada')
})

test('an issuer that is gone: the keys that are known go on for a day, unknown ones are 503', async (t) => {
  const { issuer, check, clock, refusalOf } = await setup(t)
  const token = await issuer.sign({ exp: now() + 3 * 86_400 })
  await check.callerOf(token)
  await issuer.rotate()
  const unknown = await issuer.sign({ exp: now() + 3 * 86_400 })
  await issuer.kill()
  clock.now = 23 * 3_600_000
  assert.equal((await check.callerOf(token)).name, 'ada')
  assert.equal((await refusalOf(unknown)).code, 'ISSUER_UNREACHABLE')
  clock.now = 25 * 3_600_000
  assert.equal((await refusalOf(token)).code, 'ISSUER_UNREACHABLE')
  // another process under its name has other keys
  const back = await startIssuer(t, Number(new URL(issuer.url).port))
  clock.now += 5000
  assert.equal((await check.callerOf(await back.sign())).name, 'ada')
  assert.equal((await refusalOf(token)).code, 'TOKEN_INVALID')
})

test('a configuration of another issuer, or keys behind plain HTTP elsewhere, are not taken', async (t) => {
  const { issuer, reports, refusalOf } = await setup(t)
  await issuer.behave({ status: 200, named: 'https://evil.example' })
  assert.equal((await refusalOf(await issuer.sign())).code, 'ISSUER_UNREACHABLE')
  assert.match(String(reports[0]), /is the configuration of another issuer/)
  assert.equal((await issuer.counts()).keys, 0)
})
