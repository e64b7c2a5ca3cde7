import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../../src/index.ts'
import { provision } from './accounts-application.ts'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { openConsole } from './setup.ts'

const tracePath = /\/trace(\?|$)/
let number = 0

/** Has items accepted until it is there: it takes a moment until every node has heard of a trace. */
async function workUntil(node: Node, isThere: () => Promise<boolean>): Promise<void> {
  while (!(await isThere())) {
    number += 1
    const id = await node.enqueue(provision, { employeeId: `traced-${number}`, costCentre: 'it' })
    await node.result(id, { wait: '20s' })
  }
}

test('a trace that breaks off says so, comes again and shows the gap', { skip: noChromium }, async (t) => {
  const { page, node } = await openConsole(t, { at: '/queues/provision-account' })
  const trace = page.getByRole('region', { name: 'Trace' })
  const data = JSON.stringify({ at: new Date(), id: 'before-the-gap', key: 'k', event: 'accepted' })
  await page.route(tracePath, (route) =>
    route.fulfill({ contentType: 'text/event-stream', body: `event: item\ndata: ${data}\n\n` }),
  )
  await trace.getByRole('button', { name: 'Follow' }).click()
  await trace.getByRole('listitem').filter({ hasText: 'accepted' }).waitFor()
  await trace.getByRole('status').getByText('The connection is lost').waitFor()
  await page.unroute(tracePath)
  await trace.getByText('Gap: nothing was heard since').first().waitFor()
  await trace.getByRole('status').getByText('Following.').waitFor()
  await workUntil(node, async () => (await trace.getByText('succeeded').count()) > 0)
  assert.deepEqual(await seriousFindings(page), [])

  // A page that nobody looks at holds no connection.
  const gone = page.waitForEvent('requestfailed', (request) => tracePath.test(request.url()))
  const gaps = await trace.getByText('Gap: nothing was heard since').count()
  await page.evaluate(`Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await gone
  await page.evaluate(`delete document.visibilityState
      document.dispatchEvent(new Event('visibilitychange'))`)
  await trace.getByText('Gap: nothing was heard since').nth(gaps).waitFor()
  await trace.getByRole('button', { name: 'Hold' }).click()
  await trace.getByText('Held.').waitFor()
})

test('a trace that cannot be had says why, and tries again', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: '/queues/provision-account', expected: /status of 503/ })
  const trace = page.getByRole('region', { name: 'Trace' })
  const detail = 'this node has 200 event streams open'
  await page.route(tracePath, (route) =>
    route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      body: JSON.stringify({ status: 503, code: 'STREAMS_FULL', detail }),
    }),
  )
  await trace.getByRole('button', { name: 'Follow' }).click()
  await trace.getByRole('status').getByText(detail).waitFor()
  // the node answers, all the same
  assert.equal(await page.getByText('The connection to the node is lost').count(), 0)
  await page.unroute(tracePath)
  await trace.getByText('Nothing has happened yet').waitFor()
})
