import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole } from './setup.ts'

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  const ids = await node.enqueueMany(
    provision,
    Array.from({ length: 5 }, (_, index) => ({ employeeId: `k${index}`, costCentre: 'it' })),
  )
  await Promise.all(ids.map((id) => node.result(id, { wait: '20s' })))
})

test('pages and rows are reached without a mouse', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t)
  for (const [letter, title] of [
    ['i', 'Items'],
    ['q', 'Queues'],
    ['o', 'Overview'],
    ['i', 'Items'],
  ] as const) {
    await page.keyboard.press('g')
    await page.keyboard.press(letter)
    await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor()
  }
  await loaded(page)
  await page.locator('tbody tr').nth(4).waitFor()
  const focused = () => page.evaluate('document.activeElement.dataset.row')
  await page.keyboard.press('j')
  const first = await focused()
  await page.keyboard.press('j')
  assert.notEqual(await focused(), first)
  await page.keyboard.press('k')
  assert.equal(await focused(), first)
  await page.keyboard.press('x')
  await page.getByText('1 item selected').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('1 item selected').waitFor({ state: 'detached' })
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 2, name: 'What happened' }).waitFor()
  assert.ok(page.url().endsWith(`/console/items/${String(first)}`))
  await page.goBack()
  await page.getByRole('heading', { level: 1, name: 'Items', exact: true }).waitFor()
})

test('? shows the keys, Esc closes and gives the focus back', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t)
  await page.keyboard.press('?')
  await page.getByRole('dialog').getByText('Down and up in a list').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  // letters that are typed into a field are text
  await page.keyboard.press('/')
  await page.locator('#search:focus').waitFor()
  await page.keyboard.type('gq?')
  assert.equal(await page.locator('#search').inputValue(), 'gq?')
  await page.keyboard.press('Escape')
  // drawn anew by and by
  await page.waitForFunction(`document.querySelector('#search').value === ''`)
})

test('the search says what it takes a text for', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t)
  const first = page.getByRole('option').first()
  await page.locator('#search').fill('k3')
  await first.getByText('Items of the key').waitFor()
  await page.locator('#search').fill('no cost centre')
  await first.getByText('Items with the text').waitFor()
  await page.locator('#search').fill('0199f3a1-7c00-8001-8001-5f3c9a2b1000')
  await first.getByText('The item with the id').waitFor()
})

test('x selects nothing for an observer, and the list goes on', { skip: noChromium }, async (t) => {
  const { page, node } = await openConsole(t, { role: 'observer', at: '/items' })
  await page.locator('tbody tr').first().waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await node.enqueue(provision, { employeeId: 'after-the-key', costCentre: 'it' })
  await page.locator('tbody tr', { hasText: 'after-the-key' }).waitFor()
})
