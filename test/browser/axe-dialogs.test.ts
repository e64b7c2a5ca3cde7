import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { seriousFindings } from './axe.ts'
import { noChromium } from './launch.ts'
import { loaded, makePerson, openConsole } from './setup.ts'

/** Opens what the button opens, has axe look at it, and closes it. */
async function lookAtDialog(page: Page, button: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: button }).first().click()
  await page.getByRole('dialog').waitFor()
  assert.deepEqual(await seriousFindings(page), [], String(button))
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

for (const colorScheme of ['light', 'dark'] as const)
  test(
    `axe finds nothing serious where a person fills in something, in ${colorScheme}`,
    { skip: noChromium },
    async (t) => {
      const { page, url } = await openConsole(t, { colorScheme, expected: /status of 401/ })
      // passwords are asked for once there is a user
      await makePerson(page, { name: `ada-${colorScheme}`, role: 'observer' })
      for (const [path, ...buttons] of [
        ['queues', 'Pause provision-account'],
        ['queues/provision-account', 'Stop provision-account', 'Change their number'],
        ['users', 'New user', /^End the session of/],
        ['api-keys', 'New key'],
      ] as const) {
        await page.goto(`${url}/console/${path}`)
        await loaded(page)
        for (const button of buttons) await lookAtDialog(page, button)
      }
      await page.keyboard.press('?')
      await page.getByRole('dialog').waitFor()
      assert.deepEqual(await seriousFindings(page), [], 'the keys')
      await page.keyboard.press('Escape')

      await page.goto(`${url}/console/services`)
      await page.getByRole('button', { name: 'Try it hire-worker' }).click()
      await page.getByLabel('employeeId').waitFor()
      assert.deepEqual(await seriousFindings(page), [], 'Try it')

      await page.goto(`${url}/console/items`)
      await page.getByRole('button', { name: 'Filter', exact: true }).click()
      await page.getByRole('form', { name: 'Filter' }).waitFor()
      assert.deepEqual(await seriousFindings(page), [], 'the filter form')

      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('Password').waitFor()
      assert.deepEqual(await seriousFindings(page), [], 'the sign-in')
    },
  )
