import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOf } from '../../src/node.ts'
import { Browser, untilStatus, type Json } from './browser.ts'
import { setupOperate } from './setup.ts'

const password = 'correct horse battery'

test('a user signs in with a password, however the name is typed', async (t) => {
  const { signedIn, browser } = await setupOperate(t)
  const admin = await signedIn()
  assert.deepEqual(await admin.json('GET', '/sign-in'), { password: false, issuers: [] })
  const made = await admin.json('POST', '/users', {
    name: 'Ada',
    role: 'operator',
    password,
    accessGroup: 'hr',
  })
  assert.equal(made['name'], 'ada')
  assert.deepEqual(await browser().json('GET', '/sign-in'), { password: true, issuers: [] })
  const user = browser()
  await user.json('POST', '/sign-in', { name: 'ADA', password }, 204)
  assert.deepEqual((await user.json('GET', '/session'))['operator'], {
    id: 'user:ada',
    name: 'ada',
    role: 'operator',
    accessGroup: 'hr',
  })
  for (const [name, wrong] of [
    ['ada', `${password}!`],
    ['nobody', password],
  ]) {
    const refused = await browser().json('POST', '/sign-in', { name, password: wrong }, 401)
    assert.equal(refused['code'], 'SIGN_IN_REFUSED')
    assert.equal(refused['detail'], 'the name or the password is wrong')
  }
  await admin.json('POST', '/users', { name: 'ADA', role: 'observer' }, 409)
  await admin.json('PUT', '/users/nobody', { role: 'observer' }, 404)
})

test('a name and a password that will not do are refused with the reason', async (t) => {
  const { signedIn } = await setupOperate(t)
  const admin = await signedIn()
  for (const [body, reason] of [
    [{ name: 'ada', password: 'short' }, /shorter than 12/],
    [{ name: 'ada', password: 'aaaaaaaaaaaaaaaa' }, /fewer than 5 different/],
    [{ name: 'ada', password: password.repeat(20) }, /longer than 256/],
    [{ name: '', password }, /no name/],
    [{ name: 'a/b', password }, /no name/],
    [{ name: 'ada', password, accessGroup: '' }, /access group/],
  ] as const) {
    const refused = await admin.json('POST', '/users', { role: 'observer', ...body }, 422)
    assert.match(String(refused['detail']), reason)
    assert.ok(!JSON.stringify(refused).includes(password))
  }
  assert.deepEqual((await admin.json('GET', '/users'))['items'], [])
})

test('a user that is disabled is dead on every node within 5 seconds, and a changed role counts as fast', async (t) => {
  const { where, signedIn, browser } = await setupOperate(t)
  const { node: other } = await setupOperate(t, { place: where })
  const admin = await signedIn()
  await admin.json('POST', '/users', { name: 'ada', role: 'operator', password })
  const [here, there] = [browser(), new Browser(other.url ?? '')]
  for (const each of [here, there]) await each.json('POST', '/sign-in', { name: 'ada', password }, 204)
  assert.equal((await there.ask('GET', '/session')).status, 200)
  await admin.json('PUT', '/users/ada', { role: 'administrator' })
  const promoted = await untilStatus(
    () => there.ask('POST', '/users', { name: 'bob', role: 'observer' }),
    200,
  )
  assert.ok(promoted < 5_000)
  await admin.json('PUT', '/users/ada', { isDisabled: true, reason: 'on leave' })
  assert.ok((await untilStatus(() => there.ask('GET', '/session'), 401)) < 5_000)
  assert.equal((await here.ask('GET', '/session')).status, 401)
  await browser().json('POST', '/sign-in', { name: 'ada', password }, 401)
  await admin.json('PUT', '/users/ada', { isDisabled: false })
  await browser().json('POST', '/sign-in', { name: 'ada', password }, 204)
  assert.equal((await here.ask('GET', '/session')).status, 401, 'what was ended stays ended')
})

test('who disables itself, or is disabled in the database alone, is out', async (t) => {
  const { node, signedIn, browser } = await setupOperate(t)
  const admin = await signedIn()
  const users: Browser[] = []
  for (const name of ['ada', 'bob']) {
    await admin.json('POST', '/users', { name, role: 'administrator', password })
    const user = browser()
    await user.json('POST', '/sign-in', { name, password }, 204)
    users.push(user)
  }
  await users[0]!.json('PUT', '/users/ada', { isDisabled: true })
  await admin.json('PUT', '/users/ada', { isDisabled: false })
  assert.equal((await users[0]!.ask('GET', '/session')).status, 401)
  const { driver, schema } = engineOf(node).database
  await driver.query(`update "${schema}".operator_user set disabled_at = now() where name = 'bob'`)
  assert.ok((await untilStatus(() => users[1]!.ask('GET', '/session'), 401)) < 5_000)
})

test('a new password ends the sessions of the user, but for the one that changed it', async (t) => {
  const { signedIn, browser } = await setupOperate(t)
  await (await signedIn()).json('POST', '/users', { name: 'ada', role: 'administrator', password })
  const [mine, stolen] = [browser(), browser()]
  for (const each of [mine, stolen]) await each.json('POST', '/sign-in', { name: 'ada', password }, 204)
  await mine.json('PUT', '/users/ada', { password: 'another long password' })
  assert.equal((await mine.ask('GET', '/session')).status, 200)
  assert.ok((await untilStatus(() => stolen.ask('GET', '/session'), 401)) < 5_000)
  await browser().json('POST', '/sign-in', { name: 'ada', password }, 401)
  await browser().json('POST', '/sign-in', { name: 'ada', password: 'another long password' }, 204)
})

test('no secret is kept as it is, and each act on a user stands in the audit', async (t) => {
  const { node, signedIn, browser } = await setupOperate(t)
  const admin = await signedIn()
  await admin.json('POST', '/users', { name: 'ada', role: 'observer', password, reason: 'new in the team' })
  await admin.json('POST', '/users', { name: 'bob', role: 'observer', password })
  await admin.json('PUT', '/users/ada', { role: 'operator', password: 'another long password' })
  const user = browser()
  await user.json('POST', '/sign-in', { name: 'ada', password: 'another long password' }, 204)
  const { items } = await admin.json('GET', '/audit?subject=user&subjectId=ada')
  assert.deepEqual(
    (items as Json[]).map(({ act, before, after, reason }) => ({ act, before, after, reason })),
    [
      {
        act: 'user.change',
        before: { role: 'observer', isDisabled: false },
        after: { role: 'operator', isDisabled: false, password: 'changed', changed: ['role', 'password'] },
        reason: undefined,
      },
      {
        act: 'user.create',
        before: undefined,
        after: { role: 'observer', isDisabled: false },
        reason: 'new in the team',
      },
    ],
  )
  const { driver, schema } = engineOf(node).database
  const texts: string[] = []
  for (const table of [
    'operator_user',
    'operator_session',
    'operator_audit',
    'operator_link',
    'sign_in_attempt',
  ]) {
    const { rows } = await driver.query(`select to_json(t)::text as line from "${schema}".${table} t`)
    texts.push(...rows.map((row) => String(row['line'])))
  }
  const kept = texts.join('\n')
  for (const secret of [password, 'another long password', user.cookie?.split('=')[1] ?? '?'])
    assert.ok(!kept.includes(secret))
  const hashes = [...kept.matchAll(/"password":"(scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43})"/g)].map(
    ([, hash]) => hash,
  )
  assert.equal(new Set(hashes).size, 2, 'the same password has another salt')
})

test('the audit says what was changed of a user, whatever was sent along', async (t) => {
  const { signedIn } = await setupOperate(t)
  const admin = await signedIn()
  await admin.json('POST', '/users', { name: 'ada', role: 'observer' })
  const put = (change: object) => admin.json('PUT', '/users/ada', change)
  await put({ role: 'operator', isDisabled: false, accessGroup: null })
  await put({ role: 'operator', isDisabled: true })
  await put({ role: 'operator', isDisabled: true, reason: 'the same again' })
  await put({ role: 'observer', isDisabled: false, accessGroup: 'hr' })
  await put({ accessGroup: null })
  const { items } = await admin.json('GET', '/audit?subject=user&subjectId=ada')
  const lines = (items as Json[]).map(({ act, after }) => [act, (after as Json)['changed']])
  assert.deepEqual(lines, [
    ['user.change', ['accessGroup']],
    ['user.enable', ['role', 'accessGroup', 'isDisabled']],
    ['user.disable', ['isDisabled']],
    ['user.change', ['role']],
    ['user.create', undefined],
  ])
})

test('users are listed page by page', async (t) => {
  const { signedIn } = await setupOperate(t)
  const admin = await signedIn()
  for (const name of ['c', 'a', 'e', 'b', 'd']) await admin.json('POST', '/users', { name, role: 'observer' })
  const first = await admin.json('GET', '/users?limit=3')
  const second = await admin.json('GET', `/users?limit=3&cursor=${String(first['next'])}`)
  const names = [first, second].flatMap(({ items }) => (items as Json[]).map(({ name }) => name))
  assert.deepEqual(names, ['a', 'b', 'c', 'd', 'e'])
  assert.equal(second['next'], undefined)
})
