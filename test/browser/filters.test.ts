import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { invoice, provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole, stateOf } from './setup.ts'

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  const id = await node.enqueue(provision, { employeeId: '4711', costCentre: 'it' })
  await stateOf(id, 'succeeded')
  await stateOf(await node.enqueue(invoice, { number: 1 }), 'broken')
})

test('items are filtered by the form, and chips take it back', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/items' })
  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  const form = page.getByRole('form', { name: 'Filter' })
  await form.getByLabel('Processor').fill('provision-account')
  await form.getByLabel('Key', { exact: true }).fill('4711')
  await form.getByLabel('Accepted from').fill('2020-01-01T00:00:00')
  await form.getByRole('button', { name: 'Apply' }).click()
  await page.waitForURL((address) => address.searchParams.get('key') === '4711')
  assert.equal(new URL(page.url()).searchParams.get('processor'), 'provision-account')
  await page.getByRole('link', { name: 'Without Accepted from' }).click()
  await page.waitForURL((address) => !address.searchParams.has('from'))
  await page.locator('tbody tr').getByRole('link').waitFor()
  await page.getByRole('link', { name: 'Without Key', exact: true }).click()
  await page.waitForURL((address) => !address.searchParams.has('key'))
  await page.getByRole('link', { name: 'Clear', exact: true }).click()
  await page.locator('tbody tr', { hasText: 'send-invoice' }).first().waitFor()
})

test('the audit is narrowed down', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/audit' })
  const form = page.getByRole('form', { name: 'Filter' })
  await form.getByLabel('Subject', { exact: true }).fill('nothing of that name')
  await form.getByRole('button', { name: 'Apply' }).click()
  await page.getByText('Nothing matches').waitFor()
  await form.getByRole('link', { name: 'Clear' }).click()
  await page.locator('.audit-entry').first().waitFor()
  assert.equal(new URL(page.url()).search, '')
})
