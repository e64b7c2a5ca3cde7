import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noChromium } from './launch.ts'
import { loaded, openConsole } from './setup.ts'

const signedOut = /status of 401/

test('a link signs in once, and its token goes from the address', { skip: noChromium }, async (t) => {
  const { page, url, node } = await openConsole(t, { expected: signedOut })
  assert.ok(!page.url().includes('#'))
  const link = new URL(await node.consoleLink({ role: 'observer' }), url).href
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  // pasted where the console is open already: the page is not loaded again
  await page.goto(link)
  await page.getByText('observer').first().waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  await page.goto(link)
  await page.getByRole('alert').waitFor()
})

test(
  'a name and a password sign in, and the page that was asked for is shown',
  { skip: noChromium },
  async (t) => {
    const { page, url } = await openConsole(t, { at: '/users', expected: signedOut })
    await loaded(page)
    await page.getByRole('button', { name: 'New user' }).click()
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Role').selectOption('operator')
    await page.getByLabel('Password').fill('correct horse battery staple')
    await page.getByRole('button', { name: 'Make the user' }).click()
    await page.locator('tbody tr', { hasText: 'ada' }).first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()

    await page.goto(`${url}/console/queues`)
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Password').fill('correct horse battery staple')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Queues' }).waitFor()
  },
)

test('who is signed out elsewhere is shown the sign-in', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t, { at: '/items', expected: signedOut })
  await loaded(page)
  const answer = await page.request.post(`${url}/operate/sign-out`, {
    headers: { 'sec-fetch-site': 'same-origin' },
  })
  assert.equal(answer.status(), 204)
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
})
