import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Request } from 'playwright-core'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole } from './setup.ts'

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  await node.result(await node.enqueue(provision, { employeeId: '4711', costCentre: 'it' }), { wait: '20s' })
})

const isRefresh = (request: Request) => request.headers()['coatcheck-refresh'] === '1'
test(
  'what the page asks by itself is marked, until the person does something',
  { skip: noChromium },
  async (t) => {
    const { page, url } = await openConsole(t)
    await page.clock.install()
    const opened = page.waitForRequest((request) => request.url().startsWith(`${url}/operate/`))
    await page.goto(`${url}/console/items`)
    assert.equal(isRefresh(await opened), false)
    await page.locator('tbody tr').first().waitFor()
    const asked = (isMarked: boolean) =>
      // whatever it is: of several that are asked at a time the first alone goes without a mark
      page.waitForRequest(
        (request) => request.url().startsWith(`${url}/operate/`) && isRefresh(request) === isMarked,
      )
    const byItself = asked(true)
    await page.clock.fastForward(6_000)
    await byItself
    const afterKey = asked(false)
    await page.keyboard.press('j')
    await page.clock.fastForward(6_000)
    await afterKey
    const again = asked(true)
    await page.clock.fastForward(6_000)
    await again
    // the stream of changes, too: it is opened again whenever it ends
    const stream = page.waitForRequest((request) => request.url().endsWith('/operate/live'))
    await page.evaluate(`for (const state of ['hidden', 'visible']) {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
    document.dispatchEvent(new Event('visibilitychange'))
  }`)
    assert.equal(isRefresh(await stream), true)
  },
)

test('a search of texts is not done again by itself', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t)
  await page.clock.install()
  const asked: string[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (pathname.startsWith('/operate/items')) asked.push(pathname)
  })
  await page.goto(`${url}/console/items?text=4711`)
  await page.locator('tbody tr').first().waitFor()
  await page
    .getByRole('link', { name: /succeeded/ })
    .getByText('1')
    .waitFor()
  await page.getByRole('button', { name: 'Live' }).waitFor()
  const [...before] = asked
  assert.deepEqual(before.toSorted(), ['/operate/items', '/operate/items/counts'])
  const other = page.waitForRequest((request) => request.url().endsWith('/operate/queues'))
  await page.clock.fastForward(12_000)
  // what is open beside it follows
  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  await other
  assert.deepEqual(asked, before)
  const counted = page.waitForResponse((response) => response.url().includes('/operate/items/counts'))
  await page.getByRole('button', { name: 'Look again' }).click()
  await counted
  assert.equal(asked.length, 2 * before.length)
})
