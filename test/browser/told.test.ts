import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { createNode, defineApplication, defineService, type Node } from '../../src/index.ts'
import { freshPlace } from '../flows/setup.ts'
import { accounts } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { loaded, openConsole, startNode } from './setup.ts'

const canary = 'canary-4711'
const hire = defineService({
  name: 'hire-worker',
  input: z.object({ employeeId: z.string() }),
  run: () => ({ hired: 'here' }),
})
const branch = defineApplication({ name: 'branch', definitions: [hire], uses: [accounts] })

let node: Node
let older: Node | undefined
let place: Awaited<ReturnType<typeof freshPlace>>

async function startOlder(): Promise<Node> {
  const started = await createNode({
    applications: [accounts],
    ...place,
    http: false,
    log: false,
    name: 'older',
    maxUnsettled: 77,
  })
  await started.start()
  return started
}

before(async () => {
  if (noChromium) return
  place = await freshPlace()
  const secrets = [`whsec_${Buffer.from(canary.padEnd(32, '.')).toString('base64')}`]
  node = await startNode({}, { applications: [branch], ...place, name: 'newer', callbacks: { secrets } })
  older = await startOlder()
})
after(async () => {
  await older?.stop()
  await (node as Node | undefined)?.stop()
})

for (const colorScheme of ['light', 'dark'] as const)
  test(
    `applications and settings of nodes that differ, in ${colorScheme} and on a phone`,
    { skip: noChromium },
    async (t) => {
      const { page, url } = await openConsole(t, { of: node, colorScheme, at: '/applications' })
      for (const [path, sentence] of [
        ['applications', 'The nodes do not all run the same.'],
        ['settings', 'The nodes are not all configured the same.'],
      ] as const) {
        await page.setViewportSize({ width: 1280, height: 800 })
        await page.goto(`${url}/console/${path}`)
        await page.getByText(sentence).waitFor()
        assert.deepEqual(await seriousFindings(page), [], path)
        for (const width of [1440, 1100, 1000, 800, 360]) {
          await page.setViewportSize({ width, height: 740 })
          const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
          assert.ok(wide <= width, `${path} is ${wide} wide at ${width}`)
        }
        assert.deepEqual(await seriousFindings(page), [], `${path} on a phone`)
      }
    },
  )

test(
  'what overrides what is named on both sides, with the nodes that know it',
  { skip: noChromium },
  async (t) => {
    const { page } = await openConsole(t, { of: node, at: '/applications' })
    await page.getByText('The nodes do not all run the same.').waitFor()
    const above = page.getByRole('region', { name: 'branch' })
    const below = page.getByRole('region', { name: 'accounts' })
    const [rowAbove] = await above.locator('tbody tr').allInnerTexts()
    assert.match(String(rowAbove), /hire-worker[^]*service[^]*effective, overrides accounts[^]*newer/)
    const rows = await below.locator('tbody tr', { hasText: 'hire-worker' }).allInnerTexts()
    assert.equal(rows.length, 2)
    assert.match(rows.join('\n'), /overridden by branch[^]*newer/)
    assert.match(rows.join('\n'), /effective[^]*older/)
    // the link leads to the application on the same page, and the queue to its own
    await below.getByRole('link', { name: 'branch' }).first().click()
    assert.ok(page.url().endsWith('/console/applications#application-branch'))
    await below.getByRole('link', { name: 'provision-account', exact: true }).nth(1).click()
    await page.getByRole('heading', { level: 1, name: 'provision-account' }).waitFor()
  },
)

test(
  'each option is there with its value and its default, and no secret',
  { skip: noChromium },
  async (t) => {
    const { page } = await openConsole(t, { of: node, role: 'observer', at: '/settings' })
    await page.getByText('The nodes are not all configured the same.').waitFor()
    const rowsOf = (name: string) => page.locator('tbody tr', { hasText: name }).allInnerTexts()
    assert.match((await rowsOf('maxUnsettled')).join('\n'), /500\s*default[^]*newer[^]*77[^]*500[^]*older/)
    assert.match((await rowsOf('callbacks.secrets')).join(), /•••/)
    await page.getByText('Which ones, and when').click()
    await page.getByText('0001_road').waitFor()
    const html = await page.content()
    assert.ok(!html.includes('canary') && !html.includes('whsec_'))
  },
)

test('when a node goes the page says so by itself', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { of: node, at: '/applications' })
  const differs = page.getByText('The nodes do not all run the same.')
  await differs.waitFor()
  await older?.stop()
  older = undefined
  await differs.waitFor({ state: 'detached' })
  await page.getByText('this node').first().waitFor()
  older = await startOlder()
  await differs.waitFor()
})

test(
  'while it is asked for, and where it does not come, the page says so',
  { skip: noChromium },
  async (t) => {
    const { page, url } = await openConsole(t, { of: node, expected: /status of 503/ })
    for (const path of ['applications', 'settings']) {
      let answer: () => void = () => {}
      const held = new Promise<void>((resolve) => (answer = resolve))
      const pattern = new RegExp(`/operate/${path}$`)
      await page.route(pattern, async (route) => {
        await held
        await route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          body: JSON.stringify({ status: 503, code: 'DATABASE_UNREACHABLE', detail: 'the database is away' }),
        })
      })
      await page.goto(`${url}/console/${path}`)
      await page.locator('.skeleton').waitFor()
      answer()
      await page.getByRole('alert').getByText('the database is away').waitFor()
      await page.unroute(pattern)
      await page.getByRole('button', { name: 'Try again' }).click()
      await page.locator('tbody tr').first().waitFor()
      await loaded(page)
      assert.equal(await page.getByRole('alert').count(), 0)
    }
  },
)
