import { before, test } from 'node:test'
import { invoice, provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole, stateOf } from './setup.ts'

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  const id = await node.enqueue(provision, { employeeId: '4711', costCentre: 'it' })
  await stateOf(id, 'succeeded')
  await stateOf(await node.enqueue(invoice, { number: 1 }), 'broken')
})

test('the overview has its charts, of the range that is chosen and kept', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/overview' })
  for (const title of ['Items', 'Waiting for the first attempt', 'Run time', 'Failures', 'Broken rate'])
    await page.getByRole('img', { name: new RegExp(`^${title}\\.`) }).waitFor()
  // an hour's figures are there within seconds
  await page.getByRole('img', { name: /^Waiting .* at most [1-9<]/ }).waitFor()
  await page.getByRole('img', { name: /^Broken rate. At most (50|100) % / }).waitFor()
  const range = page.getByRole('group', { name: 'Range' })
  const asked = page.waitForRequest((request) => request.url().endsWith('/operate/overview?range=24h'))
  await range.getByRole('button', { name: '24h' }).click()
  await asked
  await page.locator('.tile', { hasText: 'Succeeded' }).getByText('in 24h').waitFor()
  await page.reload()
  await range.getByRole('button', { name: '24h', pressed: true }).waitFor()
})
