import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invoice } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { accountsNode, loaded, openConsole } from './setup.ts'

test(
  'an item leads to its audit, and a line of that back; changes stand in it',
  { skip: noChromium },
  async (t) => {
    const node = await accountsNode()
    const broken = await node.enqueue(invoice, { number: 1 })
    while ((await node.item(broken))?.state !== 'broken') await new Promise(setImmediate)
    const viewport = { width: 360, height: 740 }
    const { page } = await openConsole(t, { at: `/items/${broken}`, colorScheme: 'dark', viewport })
    for (const act of ['Clone', 'Requeue', 'Remove']) {
      await page.getByRole('button', { name: act, exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: act, exact: true }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      // a clone opens itself
      await page.goto(new URL(`/console/items/${broken}`, page.url()).href)
      await loaded(page)
      if (act === 'Requeue') await page.locator('.page-head .chip').getByText('broken').waitFor()
    }
    await page.getByRole('link', { name: 'Audit of this item' }).press('Enter')
    const entries = page.locator('.audit-entry')
    await entries.nth(4).waitFor()
    const acts = await page.locator('.audit-entry .tag').allInnerTexts()
    assert.deepEqual(acts, ['remove', 'remove.asked', 'requeue', 'requeue.asked', 'clone'])
    await entries.first().getByText('"state":"broken"').waitFor()
    await entries.first().getByText('"verdict":"applied"').waitFor()
    assert.deepEqual(await seriousFindings(page), [])
    assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 360)

    await page.getByLabel('Act', { exact: true }).selectOption('requeue.asked')
    await page.getByRole('button', { name: 'Apply' }).click()
    await entries.nth(1).waitFor({ state: 'detached' })
    assert.deepEqual(await page.locator('.audit-entry .tag').allInnerTexts(), ['requeue.asked'])
    await entries.getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: 'send-invoice' }).waitFor()
    assert.ok(page.url().endsWith(`/items/${broken}`))
  },
)

test(
  'the audit is filtered by what stands in it, and leads to queues and to items that were meant',
  { skip: noChromium },
  async (t) => {
    const node = await accountsNode()
    const broken = await node.enqueue(invoice, { number: 2 })
    while ((await node.item(broken))?.state !== 'broken') await new Promise(setImmediate)
    const { page } = await openConsole(t, { at: `/items?ids=${broken}` })
    await page.getByLabel('Select send-invoice').check()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByRole('button', { name: 'Remove 1 item' }).click()
    await page.getByRole('dialog').getByText('Done.').waitFor()
    await page.goto(new URL('/console/queues', page.url()).href)
    for (const act of ['Pause', 'Start']) {
      await page.getByRole('button', { name: `${act} provision-account` }).click()
      await page.getByRole('dialog').getByRole('button', { name: act, exact: true }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await page.goto(new URL('/console/audit?act=gone', page.url()).href)
    await page.getByText('Nothing matches').waitFor()
    const act = page.getByLabel('Act', { exact: true })
    await act.getByRole('option', { name: 'bulk.remove', exact: true }).waitFor({ state: 'attached' })
    assert.equal(await act.inputValue(), 'gone')
    const who = page.getByLabel('Who')
    const list = await who.getAttribute('list')
    const suggested = page.locator(`datalist[id="${list}"] option`)
    assert.ok((await suggested.count()) > 0)
    assert.equal(await suggested.first().getAttribute('label'), 'one-time link')
    await act.selectOption('any')
    await page.getByLabel('Kind of subject').selectOption('queue')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.locator('.audit-entry').nth(1).waitFor()
    assert.deepEqual(await page.locator('.audit-entry .tag').allInnerTexts(), ['queue.start', 'queue.pause'])
    await page.locator('.audit-entry').first().getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: 'provision-account' }).waitFor()
    await page.goto(new URL('/console/audit?act=bulk.remove', page.url()).href)
    await page.getByRole('link', { name: 'that match' }).click()
    await page.locator('tbody tr').getByText('cancelled').waitFor()
    assert.ok(page.url().includes(broken))
  },
)
