import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invoice, provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { loaded, makePerson, openConsole, signInAs } from './setup.ts'

test(
  'who sees one access group is offered nothing that is of all of them',
  { skip: noChromium },
  async (t) => {
    const { page, node, url } = await openConsole(t, { expected: /status of 401/ })
    // so that there is something broken, and a key that is blocked
    await node.enqueue(provision, { employeeId: '4711' })
    await node.enqueue(invoice, { number: 1 })
    for (const role of ['operator', 'administrator'] as const)
      await makePerson(page, { name: `group-${role}`, role, accessGroup: 'payroll' })
    for (const role of ['operator', 'administrator'] as const) {
      await page.getByRole('button', { name: 'Sign out' }).click()
      await signInAs(page, `group-${role}`)
      await page.goto(`${url}/console/queues/provision-account`)
      await page.getByText('You see the items of your access group alone').waitFor()
      await page.getByRole('region', { name: /Partitions/ }).waitFor()
      const acts = page.getByRole('button', {
        name: /Pause|Stop|Restart|Change the concurrency|Change their number|Follow|Requeue/,
      })
      assert.equal(await acts.count(), 0)
      assert.deepEqual(await page.locator('.problem-note').allInnerTexts(), [])

      await page.goto(`${url}/console/queues`)
      await page.locator('tbody tr').first().waitFor()
      assert.equal(await acts.count(), 0)

      await page.goto(`${url}/console/users`)
      await loaded(page)
      await page.locator('tbody tr', { hasText: 'this session' }).waitFor()
      assert.equal(await page.getByRole('button', { name: 'New user' }).count(), 0)
      assert.deepEqual(await page.locator('.problem-note').allInnerTexts(), [])
    }
  },
)
