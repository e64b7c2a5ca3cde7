import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshPlace } from '../flows/setup.ts'
import { provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { openConsole, startNode } from './setup.ts'

test('what a person writes outlasts a restart of the node', { skip: noChromium }, async (t) => {
  const place = await freshPlace()
  let node = await startNode({}, place)
  t.after(() => node.stop())
  const id = await node.enqueue(provision, { employeeId: '4711' })
  const { page, url } = await openConsole(t, {
    of: node,
    at: `/items/${id}`,
    expected: /Failed to load resource/,
  })
  await page.getByRole('button', { name: 'Edit and requeue' }).click()
  const dialog = page.getByRole('dialog')
  const written = '{ "employeeId": "4711", "costCentre": "it" }'
  await dialog.getByLabel('Payload').fill(written)

  await node.stop()
  const bar = page.getByText('The connection to the node is lost')
  await bar.waitFor()
  // It lies behind the dialog; the answer to it, too, is none.
  const asked = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/operate/session'))
  await page.getByText('Try now').dispatchEvent('click')
  await asked
  assert.equal(await dialog.getByLabel('Payload').inputValue(), written)

  node = await startNode({ port: Number(new URL(url).port) }, place)
  await bar.waitFor({ state: 'detached' })
  assert.equal(await dialog.getByLabel('Payload').inputValue(), written)
  await dialog.getByRole('button', { name: 'Requeue with this payload' }).click()
  await page.locator('.page-head .chip').getByText('succeeded').waitFor()
})

test('a problem with the session is not its end', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/queues', expected: /Failed to load resource/ })
  const field = page.getByLabel('Narrow down by name')
  await field.fill('provision')
  await page.context().setOffline(true)
  const bar = page.getByText('The connection to the node is lost')
  await bar.waitFor()
  const everything = /\/operate\//
  await page.route(everything, (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"status":503}' }),
  )
  await page.context().setOffline(false)
  const refused = page.waitForResponse((response) => response.status() === 503)
  await page.getByRole('button', { name: 'Try now' }).click()
  await refused
  assert.equal(await field.inputValue(), 'provision')
  await page.unroute(everything)
  await bar.waitFor({ state: 'detached' })
  assert.equal(await field.inputValue(), 'provision')
})
