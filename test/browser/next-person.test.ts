import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { makePerson, openConsole, signInAs } from './setup.ts'

test('the next person at a tab is shown nothing of the last one', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t, { expected: /status of 40[14]/ })
  const id = await node.enqueue(provision, { employeeId: '4711', costCentre: 'it' })
  await node.result(id, { wait: '20s' })
  await makePerson(page, { name: 'grete', role: 'operator', accessGroup: 'other' })
  await page.goto(`${url}/console/items/${id}`)
  await page.getByRole('heading', { level: 1, name: 'provision-account · 4711' }).waitFor()
  await page.getByRole('link', { name: 'Settings', exact: true }).waitFor()

  // ended elsewhere: nobody presses anything here
  await page.request.post(`${url}/operate/sign-out`, { headers: { 'sec-fetch-site': 'same-origin' } })
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  const held = Promise.withResolvers<void>()
  await page.route(`**/operate/items/${id}`, async (route) => {
    await held.promise
    await route.continue()
  })
  await signInAs(page, 'grete')
  await page.locator('.skeleton').waitFor()
  assert.ok(!(await page.locator('main').innerText()).includes('4711'))
  assert.equal(await page.getByRole('link', { name: 'Settings', exact: true }).count(), 0)
  held.resolve()
  await page.getByText('There is no such item').waitFor()
})

test('what is gone is not shown any longer', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t, { expected: /status of 40[34]/ })
  const id = await node.enqueue(provision, { employeeId: '4712', costCentre: 'it' })
  await node.result(id, { wait: '20s' })
  for (const [status, note] of [
    [404, 'There is no such item'],
    [403, 'not for you'],
  ] as const) {
    await page.goto(`${url}/console/items/${id}`)
    const heading = page.getByRole('heading', { level: 1, name: 'provision-account · 4712' })
    await heading.waitFor()
    const body = JSON.stringify({ status, code: 'REFUSED', detail: 'not for you' })
    await page.route(`**/operate/items/${id}`, (route) =>
      route.fulfill({ status, contentType: 'application/problem+json', body }),
    )
    await page.getByText(note).waitFor()
    assert.equal(await heading.count(), 0)
    await page.unroute(`**/operate/items/${id}`)
  }
})
