import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { invoice, provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole, stateOf } from './setup.ts'

before(async () => {
  if (!noChromium) await accountsNode()
})

async function breakOne(employeeId: string): Promise<string> {
  const node = await accountsNode()
  const id = await node.enqueue(provision, { employeeId })
  await stateOf(id, 'broken')
  return id
}

test(
  'a broken item is found by its key, corrected, requeued and succeeds',
  { skip: noChromium },
  async (t) => {
    const id = await breakOne('4711')
    const { page, node } = await openConsole(t, { expected: /status of 422/ })
    await page.keyboard.press('/')
    await page.keyboard.type('4711')
    await page.getByRole('option', { name: /Items of the key/ }).waitFor()
    await page.keyboard.press('Enter')
    await page.locator('tbody tr').getByRole('link').click()
    await page.getByRole('button', { name: 'Edit and requeue' }).click()

    const dialog = page.getByRole('dialog')
    const save = dialog.getByRole('button', { name: 'Requeue with this payload' })
    await dialog.locator('textarea:focus').waitFor()
    await dialog.getByLabel('Payload').fill('{ "employeeId": "4711", }')
    await page.keyboard.press('Escape')
    await dialog.getByText('Close once more to throw it away').waitFor()
    await dialog
      .getByText(/line 1|JSON/)
      .first()
      .waitFor()
    assert.equal(await save.isDisabled(), true)
    await dialog.getByLabel('Payload').fill('{ "employeeId": "4711", "costCentre": 17 }')
    await save.click()
    // what the API refuses is said, and what was written stays
    await dialog
      .getByRole('alert')
      .getByText(/costCentre/)
      .first()
      .waitFor()
    await dialog.getByLabel('Payload').fill('{ "employeeId": "4711", "costCentre": "it" }')
    await dialog.getByLabel(/Why/).fill('ticket 815')
    await save.click()

    await page.getByText('Requeued', { exact: true }).waitFor()
    await page.locator('.page-head .chip').getByText('succeeded').waitFor()
    assert.deepEqual((await node.item(id))?.input, { employeeId: '4711', costCentre: 'it' })
    await page.getByRole('link', { name: 'Audit', exact: true }).click()
    const entry = page.locator('.audit-entry', { hasText: 'ticket 815' })
    await entry.getByText('requeue', { exact: true }).waitFor()
  },
)

test('many are requeued at once, after it was said how many', { skip: noChromium }, async (t) => {
  const node = await accountsNode()
  const ids = await node.enqueueMany(
    invoice,
    Array.from({ length: 70 }, (_, number) => ({ number })),
  )
  await Promise.all(ids.map((id) => stateOf(id, 'broken')))
  const { page } = await openConsole(t, { at: '/items?state=broken&processor=send-invoice' })
  await page.locator('tbody tr').nth(49).waitFor()
  await page.getByLabel('Select all that are shown').check()
  await page.getByText('50 items selected').waitFor()
  await page.getByRole('button', { name: 'Select all that match' }).click()
  await page.getByRole('button', { name: 'Requeue', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Requeue 70 items' }).click()
  await dialog.getByText('Done.').waitFor()
  assert.equal(await dialog.locator('.figures dd').first().innerText(), '70')
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  // each of them ran once more, and broke once more
  for (const id of ids) await stateOf(id, 'broken')
  await page.getByRole('link', { name: 'Audit', exact: true }).click()
  await page.locator('.audit-entry').getByText('bulk.requeue', { exact: true }).waitFor()
})

test('some that are selected are removed', { skip: noChromium }, async (t) => {
  const node = await accountsNode()
  const ids = await node.enqueueMany(invoice, [{ number: 901 }, { number: 902 }, { number: 903 }])
  await Promise.all(ids.map((id) => stateOf(id, 'broken')))
  const { page } = await openConsole(t, { at: `/items?ids=${ids.join(',')}` })
  await page.locator('tbody tr').nth(2).waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.getByText('2 items selected').waitFor()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByRole('button', { name: 'Remove 2 items' }).click()
  await page.getByRole('dialog').getByText('Done.').waitFor()
  const states = await Promise.all(ids.map(async (id) => (await node.item(id))?.state))
  assert.deepEqual(
    states.toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
    ['broken', 'cancelled', 'cancelled'],
  )
})

test('a queue is paused, given another concurrency, and started', { skip: noChromium }, async (t) => {
  const { page, node } = await openConsole(t, { at: '/queues' })
  const row = page.locator('tbody tr', { hasText: 'provision-account' }).first()
  await row.getByRole('button', { name: 'Pause provision-account' }).click()
  await page.getByLabel(/Why/).fill('partner is down')
  await page.getByRole('dialog').getByRole('button', { name: 'Pause', exact: true }).click()
  await row.getByText('paused').waitFor()
  const id = await node.enqueue(provision, { employeeId: 'paused', costCentre: 'it' })

  await row.getByRole('button', { name: /Change the concurrency/ }).click()
  await page.getByLabel('At a time, on each node').fill('3')
  await page.getByRole('button', { name: 'Set to 3' }).click()
  await row.getByText('of 10').waitFor()
  assert.equal((await node.item(id))?.state, 'ready')

  await row.getByRole('button', { name: 'Start provision-account' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click()
  await row.getByText('running').waitFor()
  await stateOf(id, 'succeeded')
})

test(
  'a service is tried by a form of its schema, with a reason that the audit keeps',
  { skip: noChromium },
  async (t) => {
    const { page } = await openConsole(t, { at: '/services' })
    await page.getByRole('button', { name: 'Try it hire-worker' }).click()
    await page.getByLabel('employeeId').fill('4712')
    await page.getByLabel(/Why/).fill('the portal says no')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('.answer-line').getByText('202').waitFor()
    await page.getByRole('link', { name: 'Open its item' }).click()
    await page.locator('.page-head .chip').getByText('succeeded').waitFor()
    await page.getByRole('link', { name: 'Audit', exact: true }).click()
    const entry = page.locator('.audit-entry', { hasText: 'the portal says no' })
    await entry.getByText('service.try', { exact: true }).waitFor()
  },
)

test('a key and a user are made, and what is revoked says so', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t, { at: '/api-keys' })
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByLabel('Name').fill('portal')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByText('cannot be shown again').waitFor()
  assert.match(await page.locator('dialog pre').innerText(), /\S{20,}/)
  await page.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('button', { name: 'Revoke portal' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.locator('tbody tr', { hasText: 'portal' }).getByText('revoked').waitFor()

  await page.goto(`${url}/console/users`)
  await loaded(page)
  await page.getByRole('button', { name: 'New user' }).click()
  await page.getByLabel('Name').fill('grace')
  await page.getByLabel('Role').selectOption('operator')
  await page.getByLabel('Password').fill('correct horse battery staple')
  await page.getByRole('button', { name: 'Make the user' }).click()
  await page.locator('tbody tr', { hasText: 'grace' }).getByText('operator').waitFor()
})
