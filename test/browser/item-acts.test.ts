import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { ItemState } from '../../src/index.ts'
import { invoice, provision } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole, pauseQueue, stateOf } from './setup.ts'

before(async () => {
  if (!noChromium) await accountsNode()
})

test('each act on an item is done from its page', { skip: noChromium }, async (t) => {
  const { page, node, url } = await openConsole(t, { role: 'operator', at: '/items' })
  const dialog = page.getByRole('dialog')
  const chip = page.locator('.page-head .chip')
  let isLooked = false

  /** Presses the button of the page, fills in what is asked, and presses the one of the dialog. */
  const act = async (id: string, name: string, confirm: string, fill = async () => {}) => {
    await page.goto(`${url}/console/items/${id}`)
    await page.locator('.page-head').getByRole('button', { name, exact: true }).click()
    await dialog.getByLabel(/Why/).fill(`${name} for a reason`)
    await fill()
    if (!isLooked) assert.deepEqual(await seriousFindings(page), [])
    isLooked = true
    await dialog.getByRole('button', { name: confirm, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  const shows = async (id: string, state: ItemState) => {
    await chip.getByText(state).waitFor()
    await stateOf(id, state)
  }
  const breakOne = async (number: number) => {
    const id = await node.enqueue(invoice, { number })
    await stateOf(id, 'broken')
    return id
  }

  await t.test('requeue', async () => {
    const id = await breakOne(1)
    await act(id, 'Requeue', 'Requeue')
    await page.getByText('Requeued', { exact: true }).first().waitFor()
    await page
      .locator('.timeline')
      .getByText(/^requeued by .*: Requeue for a reason$/)
      .waitFor()
    await stateOf(id, 'broken')
  })

  await t.test('remove', async () => {
    const id = await breakOne(2)
    await act(id, 'Remove', 'Remove')
    await shows(id, 'cancelled')
  })

  await t.test('clone', async () => {
    const id = await breakOne(3)
    await act(id, 'Clone', 'Clone')
    await page.waitForURL((address) => !address.href.endsWith(id) && address.pathname.includes('/items/'))
    await page.getByRole('heading', { level: 1, name: 'send-invoice' }).waitFor()
    const clone = page.url().split('/').at(-1) ?? ''
    assert.deepEqual((await node.item(clone))?.input, { number: 3 })
  })

  for (const [name, state] of [
    ['Release key', 'broken'],
    ['Skip', 'cancelled'],
  ] as const)
    await t.test(name, async () => {
      const employeeId = `blocked ${name}`
      const id = await node.enqueue(provision, { employeeId })
      await stateOf(id, 'broken')
      const next = await node.enqueue(provision, { employeeId, costCentre: 'it' })
      await stateOf(next, 'held')
      await act(id, name, name)
      await stateOf(next, 'succeeded')
      await shows(id, state)
      await page.getByText('It blocks its key').waitFor({ state: 'detached' })
    })

  await pauseQueue(node, 'provision-account')
  const waiting = (employeeId: string) => node.enqueue(provision, { employeeId, costCentre: 'it' })

  await t.test('cancel', async () => {
    const id = await waiting('cancelled')
    await act(id, 'Cancel', 'Cancel')
    await shows(id, 'cancelled')
  })

  await t.test('defer until a time, edit and resume', async () => {
    const id = await waiting('deferred')
    await act(id, 'Defer', 'Defer', () => dialog.getByLabel(/Until/).fill('2040-02-03T04:05:06'))
    await shows(id, 'deferred')
    const until = await page.evaluate(`new Date('2040-02-03T04:05:06').toISOString()`)
    assert.equal((await node.item(id))?.dueAt?.toISOString(), until)

    const written = { employeeId: 'deferred', costCentre: 'sales' }
    await act(id, 'Edit', 'Edit', () => dialog.getByLabel('Payload').fill(JSON.stringify(written)))
    await page.locator('.json').getByText('"sales"').first().waitFor()
    assert.deepEqual((await node.item(id))?.input, written)

    await act(id, 'Resume', 'Resume')
    // of a queue that is paused: until then its key waits
    await shows(id, 'held')
    await node.queues.start('provision-account')
    await shows(id, 'succeeded')
  })
})
