import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { filterMembers } from '../../src/operate/item-filter.ts'
import { notify } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole, stateOf } from './setup.ts'

let ids: readonly string[]

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  const addresses = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ address: `${name}@example.com` }))
  ids = await node.enqueueMany(notify, addresses)
  await Promise.all(ids.map((id) => stateOf(id, 'succeeded')))
})

test('the form of filters keeps the ids that were chosen', { skip: noChromium }, async (t) => {
  const chosen = ids.slice(0, 3)
  const { page } = await openConsole(t, { at: `/items?ids=${chosen.join(',')}` })
  await page.locator('tbody tr').nth(2).waitFor()
  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  await page.getByRole('form', { name: 'Filter' }).getByLabel('Processor').fill('notify-worker')
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.locator('.filter-chip', { hasText: 'notify-worker' }).waitFor()
  await loaded(page)
  const { searchParams } = new URL(page.url())
  assert.deepEqual(searchParams.getAll('ids'), chosen)
  assert.equal(await page.locator('tbody tr').count(), 3)
})

for (const colorScheme of ['light', 'dark'] as const)
  test(
    `what is no filter in the address is told above the list (${colorScheme})`,
    { skip: noChromium },
    async (t) => {
      const { page } = await openConsole(t, {
        colorScheme,
        at: '/items?procesor=notify-worker&key=a%40example.com&procesor=again',
      })
      const note = page.getByRole('status').filter({ hasText: 'is no filter here' })
      await note.getByText('procesor', { exact: true }).waitFor()
      await page.locator('tbody tr').waitFor()
      assert.deepEqual(await seriousFindings(page), [])
      await note.getByRole('link', { name: 'Go on without' }).focus()
      await page.keyboard.press('Enter')
      await note.waitFor({ state: 'detached' })
      assert.equal(new URL(page.url()).search, '?key=a%40example.com')
    },
  )

test('every filter of the API is one of the page', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: `/items?${Object.keys(filterMembers).join('=&')}=` })
  await loaded(page)
  assert.equal(await page.getByText('is no filter here').count(), 0)
})
