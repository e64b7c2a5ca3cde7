import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole, stateOf } from './setup.ts'

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  await node.result(await node.enqueue(provision, { employeeId: 'first', costCentre: 'it' }), { wait: '20s' })
})

test('what is accepted comes by itself', { skip: noChromium }, async (t) => {
  const { page, node } = await openConsole(t, { at: '/items' })
  await page.locator('tbody tr').first().waitFor()
  await page.getByRole('button', { name: 'Live' }).waitFor()
  await node.enqueue(provision, { employeeId: 'comes-by-itself', costCentre: 'it' })
  await page.locator('tbody tr', { hasText: 'comes-by-itself' }).getByText('succeeded').waitFor()
})

test('a lost connection shows, and heals', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/queues', expected: /ERR_INTERNET_DISCONNECTED/ })
  await loaded(page)
  await page.context().setOffline(true)
  await page.getByText('The connection to the node is lost').waitFor()
  await page.context().setOffline(false)
  await page.getByText('The connection to the node is lost').waitFor({ state: 'detached' })
})

test('without a stream the page asks every few seconds', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t, { expected: /status of 404/ })
  await page.route(/\/operate\/live$/, (route) => route.fulfill({ status: 404 }))
  await page.goto(`${url}/console/items`)
  await page.getByRole('button', { name: 'Every 5 s' }).waitFor()
  await node.enqueue(provision, { employeeId: 'asked-for', costCentre: 'it' })
  await page.locator('tbody tr', { hasText: 'asked-for' }).waitFor()
})

test('a trace tells what happens in a queue', { skip: noChromium }, async (t) => {
  const { page, node } = await openConsole(t, { at: '/queues/provision-account' })
  await page.getByRole('button', { name: 'Follow' }).click()
  await page.getByText('Nothing has happened yet').waitFor()
  // it takes a moment until every node has heard of the trace
  const trace = page.locator('.trace')
  for (let number = 0; (await trace.count()) === 0; number += 1) {
    await node.result(await node.enqueue(provision, { employeeId: `traced-${number}`, costCentre: 'it' }), {
      wait: '20s',
    })
  }
  await trace.getByText('succeeded').first().waitFor()
})

test('a page that is told to hold still does', { skip: noChromium }, async (t) => {
  const { page, node } = await openConsole(t, { at: '/items' })
  await page.locator('tbody tr').first().waitFor()
  const live = page.getByRole('button', { name: 'Live', exact: true })
  const closed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/operate/live'))
  await live.click()
  await page.getByRole('button', { name: 'Paused', exact: true }).waitFor()
  await closed
  const id = await node.enqueue(provision, { employeeId: 'while-it-held', costCentre: 'it' })
  await stateOf(id, 'succeeded')
  const row = page.locator('tbody tr', { hasText: 'while-it-held' })
  assert.equal(await row.count(), 0)
  await page.getByRole('button', { name: 'Paused', exact: true }).click()
  await row.waitFor()
  await live.waitFor()
})
