import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { checkOptions, type NodeOptions } from '../../src/node/options.ts'
import { hr } from '../http/hr-application.ts'

const check = (operate: unknown) =>
  checkOptions({ applications: [hr], log: false, operate: operate as NonNullable<NodeOptions['operate']> })
    .operate

/** The problems that a node is refused for, a sentence each. */
function problemsOf(operate: unknown): string[] {
  try {
    check(operate)
  } catch (error) {
    assert.ok(isCoatcheckError(error, 'CONFIG_INVALID'))
    return (error.errors ?? []).map(({ detail }) => detail)
  }
  return []
}

const corp = {
  issuer: 'https://login.example.com/realms/hr',
  clientId: 'coatcheck',
  name: 'Example Corp.',
  rolesClaim: 'groups',
  roles: { ops: 'operator' },
}

test('an issuer has an id of its name, and asks for what is usual', () => {
  assert.deepEqual(check(undefined), { issuers: [], url: undefined })
  const { issuers, url } = check({ issuers: [corp], url: 'https://coatcheck.example.com/' })
  assert.equal(url, 'https://coatcheck.example.com')
  assert.deepEqual(issuers, [
    { ...corp, id: 'example-corp', scope: 'openid profile email', roles: new Map([['ops', 'operator']]) },
  ])
  const more = { clientSecret: 's', id: 'corp', scope: 'openid groups', accessGroupClaim: 'department' }
  assert.deepEqual(check({ issuers: [{ ...corp, ...more }] }).issuers, [
    { ...corp, ...more, roles: new Map([['ops', 'operator']]) },
  ])
})

test('what is wrong is told before anything is opened, and no secret with it', () => {
  for (const [operate, problem] of [
    [{ issuer: corp }, /unknown option "operate\.issuer"; did you mean "operate\.issuers"\?/],
    [{ oidc: [] }, /unknown option "operate\.oidc"; did you mean "operate\.issuers"\?/],
    [{ issuers: [] }, /operate\.issuers is \[\]; give a list/],
    [
      { issuers: [{ ...corp, issuer: 'http://login.example.com' }] },
      /issuers\[0\]\.issuer is .*begins with https/,
    ],
    [
      { issuers: [{ ...corp, issuer: 'https://ada:pw@login.example.com' }] },
      /issuer holds a user or a password/,
    ],
    [{ issuers: [{ ...corp, clientId: undefined }] }, /issuers\[0\]\.clientId is undefined; an issuer has/],
    [{ issuers: [{ ...corp, clientSecret: 7 }] }, /issuers\[0\]\.clientSecret is no text/],
    [{ issuers: [{ ...corp, roles: {} }] }, /issuers\[0\]\.roles is .*say whose role is which/],
    [{ issuers: [{ ...corp, roles: { ops: 'root' } }] }, /roles says that "ops" is "root"/],
    [{ issuers: [{ ...corp, scope: 'profile' }] }, /without openid there is no ID token/],
    [{ issuers: [{ ...corp, name: '協会' }] }, /no id can be made of the name/],
    [{ issuers: [corp, { ...corp, issuer: 'https://b.example' }] }, /issuers has "example-corp" twice/],
    [{ url: 'https://coatcheck.example.com/in' }, /operate\.url is .*without a path/],
    [{ url: 'http://coatcheck.example.com' }, /operate\.url is /],
  ] as const)
    assert.ok(
      problemsOf(operate).some((each) => problem.test(each)),
      `${String(problem)}: ${problemsOf(operate).join(' | ')}`,
    )
  const told = problemsOf({
    issuers: [{ ...corp, issuer: 'https://ada:hunter2@x.example', clientSecret: 7 }],
  })
  assert.ok(!told.join().includes('hunter2'))
})
