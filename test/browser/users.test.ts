import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noChromium } from './launch.ts'
import { loaded, makePerson, openConsole } from './setup.ts'

test('a user is changed by what was changed, and no more', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t)
  await makePerson(page, { name: 'ada', role: 'operator', accessGroup: 'payroll' })
  await page.goto(`${url}/console/users`)
  await loaded(page)
  const row = page.locator('tbody tr', { hasText: 'ada' })
  const dialog = page.getByRole('dialog')
  const save = dialog.getByRole('button', { name: 'Save' })
  const saved = async () => {
    const sent = page.waitForRequest((request) => request.method() === 'PUT')
    await save.click()
    await dialog.waitFor({ state: 'detached' })
    return (await sent).postDataJSON() as unknown
  }
  const open = () => page.getByRole('button', { name: 'Change ada' }).click()

  await open()
  assert.equal(await save.isDisabled(), true)
  await dialog.getByLabel('Role').selectOption('observer')
  // another administrator, meanwhile
  const answer = await page.request.put(`${url}/operate/users/ada`, {
    headers: { 'sec-fetch-site': 'same-origin' },
    data: { isDisabled: true },
  })
  assert.equal(answer.status(), 200)
  await dialog.getByLabel(/Why/).fill('changed her job')
  assert.deepEqual(await saved(), { role: 'observer', reason: 'changed her job' })
  await row.getByText('observer').waitFor()
  await row.getByText('disabled').waitFor()

  await open()
  await dialog.getByLabel('Access group').fill('')
  assert.deepEqual(await saved(), { accessGroup: null })
  await row.getByText('all', { exact: true }).waitFor()

  for (const [isDisabled, state] of [
    [false, 'may sign in'],
    [true, 'disabled'],
  ] as const) {
    await open()
    await dialog.getByLabel('May not sign in').setChecked(isDisabled)
    assert.deepEqual(await saved(), { isDisabled })
    await row.getByText(state).waitFor()
  }

  await page.getByRole('link', { name: 'Audit', exact: true }).click()
  const entries = page.locator('.audit-entry', { hasText: 'ada' })
  await entries.nth(5).waitFor()
  const acts = await entries.locator('.tag').allInnerTexts()
  assert.deepEqual(acts, [
    'user.disable',
    'user.enable',
    'user.change',
    'user.change',
    'user.disable',
    'user.create',
  ])
})
