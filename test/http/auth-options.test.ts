import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { parseRate } from '../../src/http/rate-options.ts'
import { tokenAlgorithms } from '../../src/http/token-check.ts'
import { checkOptions, type NodeOptions } from '../../src/node/options.ts'
import { hr } from './hr-application.ts'

const check = (auth: unknown, more: Partial<NodeOptions> = {}) =>
  checkOptions({ applications: [hr], log: false, auth: auth as NonNullable<NodeOptions['auth']>, ...more })

/** The problems that a node is refused for, a sentence each. */
function problemsOf(auth: unknown, more: Partial<NodeOptions> = {}): string[] {
  try {
    check(auth, more)
  } catch (error) {
    assert.ok(isCoatcheckError(error, 'CONFIG_INVALID'))
    return (error.errors ?? []).map(({ detail }) => detail)
  }
  return []
}

const issuer = 'https://login.example.com/'

test('without auth there is none; with an empty one API keys are accepted', () => {
  assert.equal(checkOptions({ applications: [hr], log: false }).auth, undefined)
  assert.deepEqual(check({}).auth, { apiKeys: true, issuers: [], anonymousServices: [] })
})

test('everything that can be said is read', () => {
  const auth = {
    apiKeys: false,
    jwt: [
      { issuer, audience: 'coatcheck' },
      {
        issuer: 'http://localhost:9000/realms/hr',
        audience: ['a', 'b'],
        jwksUri: 'http://127.0.0.1:9000/keys',
        algorithms: ['ES256'],
        rolesClaim: 'realm_access.roles',
        accessGroupClaim: 'https://example.com/group',
      },
    ],
    anonymous: { services: ['hr/apply'] },
    rate: { quota: 100, window: '1 minute' },
  }
  assert.deepEqual(check(auth).auth, {
    apiKeys: false,
    issuers: [
      { issuer, audience: ['coatcheck'], algorithms: tokenAlgorithms },
      { ...auth.jwt[1], audience: ['a', 'b'] },
    ],
    anonymousServices: ['hr/apply'],
    rate: { quota: 100, windowMs: 60_000 },
  })
})

test('all problems come at once, each with the value and the way out', () => {
  const problems = problemsOf({
    apikeys: true,
    apiKeys: 'yes',
    jwt: [
      { issuer: 'http://login.example.com', audiense: 'x' },
      { issuer: 'https://ada:secret@login.example.com', audience: '' },
      { issuer, audience: 'x', jwksUri: 'ftp://login.example.com/keys', algorithms: ['HS256'] },
      { issuer, audience: 'x', algorithms: ['none'], rolesClaim: 7, accessGroupClaim: '' },
    ],
    anonymous: { services: ['hr/aply', 'hr/pay'], roles: [] },
    rate: { quota: 0, window: '1500 ms' },
  })
  const wanted = [
    /^unknown option "auth\.apikeys"; did you mean "auth\.apiKeys"\?/,
    /^auth\.apiKeys is "yes"; write true or false/,
    /^auth\.jwt\[0\]\.issuer is "http:\/\/login\.example\.com"; write a URL that begins with https:\/\//,
    /^unknown option "auth\.jwt\[0\]\.audiense"; did you mean "auth\.jwt\[0\]\.audience"\?/,
    /^auth\.jwt\[0\]\.audience is undefined; tokens that were made for others would be accepted/,
    /^auth\.jwt\[1\]\.issuer holds a user or a password; write a URL/,
    /^auth\.jwt\[1\]\.audience is ""/,
    /^auth\.jwt\[2\]\.jwksUri is "ftp:/,
    /^auth\.jwt\[2\]\.algorithms is \["HS256"\]; with "HS256" everybody could make tokens who can check them/,
    /^auth\.jwt\[3\]\.algorithms is \["none"\]; with "none" everybody/,
    /^auth\.jwt\[3\]\.rolesClaim is 7/,
    /^auth\.jwt\[3\]\.accessGroupClaim is ""/,
    /^auth\.jwt has "https:\/\/login\.example\.com\/" twice/,
    /^unknown option "auth\.anonymous\.roles"/,
    /^auth\.anonymous\.services is .*; there is no service "hr\/aply"; did you mean "hr\/apply"\?/,
    /^auth\.anonymous\.services is .*; "hr\/pay" wants a role, and who is not known has none/,
    /^auth\.rate\.quota is 0; write a whole number from 1/,
    /^auth\.rate\.window is "1500 ms"; write whole seconds/,
  ]
  for (const pattern of wanted)
    assert.ok(
      problems.some((problem) => pattern.test(problem)),
      `${String(pattern)} of\n${problems.join('\n')}`,
    )
  assert.equal(problems.length, wanted.length, problems.join('\n'))
  // a password in a URL is not repeated
  assert.doesNotMatch(problems.join('\n'), /secret/)
})

test('a node that nobody could sign in to is refused, and so is what is no object', () => {
  assert.match(problemsOf({ apiKeys: false })[0] ?? '', /nobody could sign in then/)
  assert.match(problemsOf({ apiKeys: false, jwt: [] }).join(), /auth\.jwt is \[\]; give a list/)
  for (const auth of [true, null, 'keys', []])
    assert.match(problemsOf(auth)[0] ?? '', /^auth is .*; give an object/)
  assert.match(problemsOf({ anonymous: {} })[0] ?? '', /list what everybody may call/)
  assert.match(
    problemsOf({ rate: { quota: 1 } })[0] ?? '',
    /auth\.rate\.window is undefined; a rate has both/,
  )
})

test('an address that others can reach is refused without auth, before anything is opened', () => {
  const at = (host: string, more: Partial<NodeOptions> = {}) => {
    const options = { applications: [hr], log: false, http: { host }, ...more } as const
    try {
      checkOptions(options)
      return undefined
    } catch (error) {
      return String(error)
    }
  }
  for (const host of ['0.0.0.0', '::', '192.168.0.2', 'example.com', '', '127.0.0.1.example.com'])
    assert.match(at(host) ?? '', /which others can reach, and there is no auth/, host)
  for (const host of ['127.0.0.1', 'localhost', '::1', '127.8.8.8']) assert.equal(at(host), undefined, host)
  assert.equal(at('0.0.0.0', { auth: {} }), undefined)
  assert.equal(at('0.0.0.0', { nodeTypes: ['background'] }), undefined)
})

test('a rate in a word', () => {
  assert.deepEqual(parseRate('100/1m'), { quota: 100, window: '1m' })
  for (const text of ['', '100', '/1m', '100/', '100/soon', 'x/1m', '-1/1m', '1e3/1m'])
    assert.equal(parseRate(text), undefined, text)
})
