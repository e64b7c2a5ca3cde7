import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { loaded, openConsole, startNode } from './setup.ts'

test('below a base path everything is found, at any depth', { skip: noChromium }, async (t) => {
  const node = await startNode({ basePath: '/tools/coatcheck' })
  t.after(() => node.stop())
  const id = await node.enqueue(provision, { employeeId: '4711', costCentre: 'it' })
  await node.result(id, { wait: '20s' })
  const { page } = await openConsole(t, { of: node, at: `/items/${id}` })
  await page.getByRole('heading', { level: 1, name: 'provision-account · 4711' }).waitFor()
  await page.getByRole('link', { name: 'Queues', exact: true }).click()
  await loaded(page)
  assert.ok(page.url().endsWith('/tools/coatcheck/console/queues'), page.url())
  await page.reload()
  await page.locator('tbody tr').first().waitFor()
  // What is copied from here is sent to where the service is.
  await page.getByRole('link', { name: 'Services', exact: true }).click()
  await page.getByRole('button', { name: 'Try it hire-worker' }).click()
  const command = await page.getByLabel('Copy as curl').first().textContent()
  const { origin } = new URL(page.url())
  assert.ok(command?.endsWith(`'${origin}/tools/coatcheck/services/accounts/hire-worker'`), `${command}`)
})
