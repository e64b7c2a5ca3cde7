import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { invoice, provision } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole } from './setup.ts'

const pages = [
  'Overview',
  'Queues',
  'Items',
  'Services',
  'API keys',
  'Nodes',
  'Applications',
  'Alerts',
  'Audit',
  'Users',
  'Settings',
]
let broken: string

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  await node.enqueueMany(
    provision,
    Array.from({ length: 60 }, (_, index) => ({ employeeId: `${4000 + index}`, costCentre: 'it' })),
  )
  await node.enqueueMany(invoice, [{ number: 1 }, { number: 2 }])
  broken = await node.enqueue(provision, { employeeId: '4711' })
  await node.enqueue(provision, { employeeId: '4711', costCentre: 'it' })
  for (const item of [broken])
    while ((await node.item(item))?.state !== 'broken') await new Promise(setImmediate)
})

for (const colorScheme of ['light', 'dark'] as const)
  test(
    `every page is there in ${colorScheme}, and axe finds nothing serious`,
    { skip: noChromium },
    async (t) => {
      const { page } = await openConsole(t, { colorScheme })
      for (const title of pages) {
        await page
          .getByRole('navigation', { name: 'Pages' })
          .getByRole('link', { name: title, exact: true })
          .click()
        await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor()
        await loaded(page)
        assert.deepEqual(await seriousFindings(page), [], title)
        assert.deepEqual(await problemsShown(page), [], title)
      }
      for (const path of [`/items/${broken}`, '/queues/provision-account', '/items?key=nobody']) {
        await page.goto(new URL(`/console${path}`, page.url()).href)
        await loaded(page)
        assert.deepEqual(await seriousFindings(page), [], path)
        assert.deepEqual(await problemsShown(page), [], path)
      }
    },
  )

test('nothing is wider than the window, down to a phone', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t)
  const paths = pages.map((title) => `/${title.toLowerCase().replace(' ', '-')}`)
  for (const path of ['', ...paths, `/items/${broken}`, '/queues/provision-account']) {
    await page.goto(`${url}/console${path}`)
    await loaded(page)
    for (const width of [1440, 1280, 1100, 1000, 800, 360]) {
      await page.setViewportSize({ width, height: 740 })
      assert.ok(
        Number(await page.evaluate('document.documentElement.scrollWidth')) <= width,
        `${path} at ${width}`,
      )
    }
  }
  await page.getByRole('button', { name: 'Pages' }).click()
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Items' }).click()
  await page.getByRole('heading', { level: 1, name: 'Items' }).waitFor()
  assert.deepEqual(await seriousFindings(page), [])
})

test('a broken item says why, and what it blocks', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: `/items/${broken}` })
  await page.getByRole('heading', { level: 1, name: 'provision-account · 4711' }).waitFor()
  await page.getByText('this employee has no cost centre').first().waitFor()
  await page.getByText('It blocks its key').waitFor()
  const timeline = page.locator('.timeline')
  assert.match(await timeline.innerText(), /Accepted[^]*Failed[^]*waited[^]*Broken/)
  await page.getByRole('link', { name: 'What waits' }).click()
  await page.locator('tbody tr').getByText('held').waitFor()
})

test(
  'the first page asks for what it shows, and for no description of the API',
  { skip: noChromium },
  async (t) => {
    const { page, url } = await openConsole(t)
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.goto(`${url}/console/items/${broken}`)
    await page.getByText('It blocks its key').waitFor()
    const operations = asked.filter((path) => path.startsWith('/operate/'))
    assert.deepEqual(operations.toSorted(), [`/operate/items/${broken}`, '/operate/live', '/operate/session'])
  },
)

test('a page that is not there says so', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/nowhere' })
  await page.getByRole('heading', { level: 1, name: 'No such page' }).waitFor()
})

test('an observer sees, and is given no button that acts', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t, { role: 'observer', at: `/items/${broken}` })
  await page.getByRole('button', { name: 'Copy as curl' }).waitFor()
  assert.equal(await page.getByRole('button', { name: /Requeue|Edit|Skip|Remove/ }).count(), 0)
  await page.goto(`${url}/console/queues`)
  await page.locator('tbody tr').first().waitFor()
  assert.equal(await page.getByRole('button', { name: /Pause|Stop|Restart/ }).count(), 0)
})

test('the theme is kept', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { colorScheme: 'light' })
  const shown = () => page.evaluate('document.documentElement.dataset.theme')
  assert.equal(await shown(), 'light')
  await page.getByRole('button', { name: /Press for light/ }).click()
  await page.getByRole('button', { name: /Press for dark/ }).click()
  assert.equal(await shown(), 'dark')
  await page.reload()
  await loaded(page)
  assert.equal(await shown(), 'dark')
})

/** What the API refused while the page was made. */
async function problemsShown(page: Page): Promise<string[]> {
  return page.locator('.problem-note').allInnerTexts()
}
