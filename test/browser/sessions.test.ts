import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startProvider } from '../operate/oidc-provider.ts'
import { noChromium } from './launch.ts'
import { loaded, openConsole, startNode } from './setup.ts'

const signedOut = /status of 401/

test('a session that is ended is over in its browser', { skip: noChromium }, async (t) => {
  const { page: theirs } = await openConsole(t, { role: 'observer', expected: signedOut })
  await theirs.getByRole('link', { name: 'Overview', exact: true }).waitFor()
  const { page } = await openConsole(t, { at: '/users', expected: signedOut })
  await loaded(page)
  const sessions = page.getByRole('region', { name: 'Sessions' })
  const rows = sessions.locator('tbody tr')
  await rows.filter({ hasText: 'this session' }).waitFor()
  await rows
    .filter({ hasText: 'observer' })
    .getByRole('button', { name: /End the session of/ })
    .click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(/Why/).fill('lost a laptop')
  await dialog.getByRole('button', { name: 'End it' }).click()
  await page.getByText('The session is over').waitFor()
  await rows.filter({ hasText: 'observer' }).waitFor({ state: 'detached' })
  await theirs.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  await page.getByRole('link', { name: 'Audit', exact: true }).click()
  const entry = page.locator('.audit-entry', { hasText: 'lost a laptop' })
  await entry.getByText('session.end', { exact: true }).waitFor()
})

test('who ends the own session is asked to sign in', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/users', expected: signedOut })
  const own = page.locator('tbody tr', { hasText: 'this session' })
  await own.getByRole('button', { name: /End the session of/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
})

test('an issuer signs in, from a site of its own', { skip: noChromium }, async (t) => {
  const provider = await startProvider(t)
  const node = await startNode(
    {},
    {
      operate: {
        issuers: [
          {
            issuer: provider.issuer,
            clientId: 'coatcheck',
            clientSecret: provider.secret,
            name: 'Example Corp',
            rolesClaim: 'roles',
            roles: { ops: 'operator' },
          },
        ],
      },
    },
  )
  t.after(() => node.stop())
  // The provider is at 127.0.0.1, which is another site than localhost: cookies are sent as between two companies.
  const { port } = new URL(node.url ?? '')
  const here = `http://localhost:${port}`
  const { page } = await openConsole(t, {
    of: node,
    // the node stops before the page is closed
    expected: /status of 401|ERR_CONNECTION_REFUSED/,
    elsewhere: [here, new URL(provider.issuer).origin],
  })
  await page.goto(`${here}/console/queues`)
  const way = page.getByRole('link', { name: 'Sign in with Example Corp' })
  provider.behaviour.claims = { roles: ['users'], name: 'Eve' }
  await way.click()
  await page
    .getByRole('alert')
    .getByText('The issuer did not sign you in, or you have no role here')
    .waitFor()
  assert.ok(!page.url().includes('#'), page.url())
  provider.behaviour.deny = true
  await way.click()
  await page.getByRole('alert').waitFor()
  provider.behaviour.deny = false
  provider.behaviour.claims = { roles: ['ops'], name: 'Ada Lovelace' }
  await way.click()
  await page.getByText('Ada Lovelace').first().waitFor()
  assert.equal(new URL(page.url()).origin, here)
  await page.getByRole('link', { name: 'Queues', exact: true }).click()
  await page.getByRole('button', { name: 'Pause standard' }).waitFor()
  // It lasts beyond the page, too.
  await page.reload()
  await page.getByText('Ada Lovelace').first().waitFor()
})
