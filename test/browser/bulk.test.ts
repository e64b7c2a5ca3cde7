import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ItemState } from '../../src/index.ts'
import { invoice, provision } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole, pauseQueue, stateOf } from './setup.ts'

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  await node.enqueueMany(
    invoice,
    Array.from({ length: 60 }, (_, number) => ({ number })),
  )
})

const previews = '**/operate/items/preview'

/** Selects all rows that are shown. */
async function selectShown(page: Page, address: string): Promise<void> {
  await page.goto(address)
  await page.locator('tbody tr').first().waitFor()
  await page.getByLabel('Select all that are shown').check()
}

test('what waits is acted on in bulk', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t, { role: 'operator' })
  const dialog = page.getByRole('dialog')
  await pauseQueue(node, 'provision-account')
  t.after(() => node.queues.start('provision-account'))
  const ids = await node.enqueueMany(
    provision,
    ['1', '2', '3'].map((employeeId) => ({ employeeId, costCentre: 'it' })),
  )
  const address = `${url}/console/items?ids=${ids.join(',')}`
  const act = async (name: string, state: ItemState) => {
    await selectShown(page, address)
    await page.getByText('3 items selected').waitFor()
    await page.locator('.bulk-bar').getByRole('button', { name, exact: true }).click()
    await dialog.getByLabel(/Why/).fill(`${name} for a reason`)
    await dialog.getByRole('button', { name: `${name} 3 items` }).click()
    await dialog.getByText('Done.').waitFor()
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
    for (const id of ids) await stateOf(id, state)
    await page.locator('tbody tr').nth(2).getByText(state).waitFor()
  }
  await selectShown(page, address)
  await page.locator('.bulk-bar').waitFor()
  assert.deepEqual(await seriousFindings(page), [])
  await act('Defer', 'deferred')
  // of a queue that is paused: until then their keys wait
  await act('Resume', 'held')
  await act('Cancel', 'cancelled')
})

test('broken items of one cause are redriven, requeued and removed', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t)
  const dialog = page.getByRole('dialog')
  const groups = page.getByRole('region', { name: /Broken, by cause/ })
  const queue = (await node.item(await node.enqueue(invoice, { number: 99 })))?.queue ?? ''
  const order = async (name: string, figure: string) => {
    await page.goto(`${url}/console/queues/${queue}`)
    // what was requeued breaks again
    await groups.getByText('61', { exact: true }).waitFor()
    await groups.getByRole('button', { name, exact: true }).first().click()
    await dialog.locator('.big-count').getByText(/\d/).waitFor()
    if (name === 'Redrive slowly') assert.deepEqual(await seriousFindings(page), [])
    await dialog.locator('button[type=submit]').click()
    await dialog.getByText(/Done\.|It stopped/).waitFor()
    // the last of them is gone, and the report stays
    if (name === 'Remove') await page.locator('.group').waitFor({ state: 'detached' })
    assert.match(await dialog.locator('.figures').innerText(), new RegExp(figure))
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  }
  // all of the first ten break again
  await order('Redrive slowly', 'done\\s*10\\b')
  await order('Requeue', 'done\\s*[1-9]')
  await order('Remove', 'done\\s*[1-9]')
  await page.getByRole('link', { name: 'Audit', exact: true }).click()
  for (const act of ['bulk.redrive', 'bulk.requeue', 'bulk.remove'])
    await page.locator('.audit-entry').getByText(act, { exact: true }).first().waitFor()
})

test('an order under way is ended', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t)
  const dialog = page.getByRole('dialog')
  const id = await node.enqueue(invoice, { number: 4_000 })
  await stateOf(id, 'broken')
  await selectShown(page, `${url}/console/items?ids=${id}`)
  // its answer does not come
  const held = Promise.withResolvers<void>()
  t.after(() => held.resolve())
  await page.route('**/operate/items/acts', () => held.promise)
  await page.route(previews, (route) => route.fulfill({ json: { count: 7, isAtLeast: false } }))
  await page.locator('.bulk-bar').getByRole('button', { name: 'Requeue', exact: true }).click()
  await dialog.getByRole('button', { name: 'Requeue 7 items' }).click()
  await dialog.getByText('Under way').waitFor()
  await dialog.getByRole('button', { name: 'End it here' }).click()
  await dialog.getByText('It was ended. What was done stays done.').waitFor()
})

test('what was not counted to the end is acted on all the same', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t, { at: '/items' })
  const dialog = page.getByRole('dialog')
  const everything = page.getByRole('button', { name: 'Select all that match' })
  await selectShown(page, `${url}/console/items`)
  await page.locator('.bulk-bar').waitFor()
  // without a filter that would be everything there is
  assert.equal(await everything.count(), 0)
  await selectShown(page, `${url}/console/items?processor=send-invoice`)
  await everything.click()
  await page.route(previews, (route) => route.fulfill({ json: { count: 0, isAtLeast: true } }))
  await page.locator('.bulk-bar').getByRole('button', { name: 'Cancel', exact: true }).click()
  const most = dialog.getByLabel('At most')
  await dialog.getByRole('button', { name: 'Cancel the first 10,000' }).waitFor()
  await most.fill('0')
  assert.equal(await dialog.locator('button[type=submit]').isDisabled(), true)
  await most.fill('25000')
  const order = page.waitForRequest('**/operate/items/acts')
  await dialog.getByRole('button', { name: 'Cancel the first 25,000' }).click()
  assert.equal(((await order).postDataJSON() as { limit?: number }).limit, 25_000)
  await dialog.getByText(/Done/).waitFor()
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
})
