import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invoice, notify } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole } from './setup.ts'

for (const colorScheme of ['light', 'dark'] as const)
  test(
    `who requeues an item is told of later ones that have succeeded, in ${colorScheme}`,
    { skip: noChromium },
    async (t) => {
      const node = await accountsNode()
      const address = `${colorScheme}@example.com`
      const broken = await node.enqueue(notify, { address, isClosed: true })
      await node.enqueueMany(notify, [{ address }, { address }])
      const last = await node.enqueue(notify, { address })
      while ((await node.item(last))?.state !== 'succeeded') await new Promise(setImmediate)

      const viewport = { width: 360, height: 740 }
      const { page } = await openConsole(t, { at: `/items/${broken}`, colorScheme, viewport })
      await page.getByRole('button', { name: 'Requeue', exact: true }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('3 later items of this key have succeeded since.').waitFor()
      assert.deepEqual(await seriousFindings(page), [])
      assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 360)
      const opened = page.waitForEvent('popup')
      await dialog.getByRole('link', { name: 'Show them' }).press('Enter')
      const list = await opened
      await list.locator('tbody tr').nth(2).waitFor()
      assert.equal(await list.locator('tbody tr').count(), 3)
      await list.close()
      await dialog.waitFor()
    },
  )

test('of an item without a key nothing is said of later ones', { skip: noChromium }, async (t) => {
  const node = await accountsNode()
  const broken = await node.enqueue(invoice, { number: 1 })
  while ((await node.item(broken))?.state !== 'broken') await new Promise(setImmediate)
  const { page } = await openConsole(t, { at: `/items/${broken}` })
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.getByRole('button', { name: 'Requeue', exact: true }).click()
  await page.getByRole('dialog').getByText('It runs again').waitFor()
  assert.equal(await page.getByRole('dialog').getByText('later item').count(), 0)
  assert.deepEqual(
    asked.filter((url) => url.endsWith('/later')),
    [],
  )
})
