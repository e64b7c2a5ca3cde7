import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole } from './setup.ts'

const texts = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "javascript:alert('1')",
  '{{constructor.constructor("alert(1)")()}}',
  '</style><style>body{display:none}</style>',
  '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
  '\u202egnp.exe\u0007\u{1f600}',
  '%2e%2e%2f..%2f?a=b#c',
  'x'.repeat(900),
] as const
const broken: string[] = []

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  for (const text of texts) {
    broken.push(await node.enqueue(provision, { employeeId: text, note: text }))
    await node.enqueue(provision, { employeeId: text, costCentre: text, note: text })
  }
  for (const id of broken) while ((await node.item(id))?.state !== 'broken');
})

test('what items hold is text, on every page that shows it', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t)
  const paths = [
    '/items',
    '/items?state=broken',
    '/queues/provision-account',
    '/overview',
    ...broken.map((id) => `/items/${id}`),
  ]
  for (const path of paths) {
    await page.goto(`${url}/console${path}`)
    await loaded(page)
    // it comes after the rest of its page
    if (path.startsWith('/queues')) await page.getByRole('heading', { name: 'Blocked keys' }).waitFor()
    assert.equal(
      await page
        .locator('main script, main iframe, main style, main img, main [onerror], main [onload]')
        .count(),
      0,
      path,
    )
    assert.equal(await page.locator('body').isVisible(), true)
    assert.ok(
      Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth')) <= 0,
      `${path} is too wide`,
    )
    const hrefs = (await page.evaluate('[...document.links].map((link) => link.href)')) as string[]
    assert.deepEqual(
      hrefs.filter((href) => !href.startsWith(url)),
      [],
      path,
    )
  }
  await page.goto(`${url}/console/items/${broken[1] ?? ''}`)
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
})

test('an address may hold anything', { skip: noChromium }, async (t) => {
  const { page, url } = await openConsole(t, { expected: /status of 404/ })
  for (const text of texts) {
    await page.goto(`${url}/console/items?key=${encodeURIComponent(text)}`)
    await loaded(page)
    await page.locator('tbody tr').nth(1).waitFor()
    await page.goto(`${url}/console/queues/${encodeURIComponent(text.slice(0, 60))}`)
    await page.getByText('There is no queue of this name').waitFor()
  }
})
