import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { defineApplication, defineQueueProcessor } from '../../src/index.ts'
import { notify, provision } from './accounts-application.ts'
import { noChromium } from './launch.ts'
import { accountsNode, openConsole, startNode, stateOf } from './setup.ts'

let broken: string
let waiting: string

before(async () => {
  if (noChromium) return
  const node = await accountsNode()
  broken = await node.enqueue(notify, { address: 'c@example.com', isClosed: true })
  waiting = await node.enqueue(notify, { address: 'w@example.com' }, { delay: '1 hour' })
  await stateOf(broken, 'broken')
  await stateOf(waiting, 'scheduled')
})

test('what a schema refuses is said once', { skip: noChromium }, async (t) => {
  const node = await accountsNode()
  const id = await node.enqueue(provision, { employeeId: '4711' })
  await stateOf(id, 'broken')
  const { page } = await openConsole(t, { at: `/items/${id}`, expected: /status of 422/ })
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Payload').fill('{ "employeeId": 1, "costCentre": 17 }')
  await dialog.getByRole('button', { name: 'Edit', exact: true }).click()
  const said = await dialog.getByRole('alert').innerText()
  assert.deepEqual(said.match(/\/\w+/g), ['/employeeId', '/costCentre'], said)
})

test('acts on many are those that fit what is selected', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { at: `/items?ids=${broken},${waiting}` })
  const acts = page.locator('.bulk-acts button')
  const offered = () => acts.allInnerTexts()
  await page.locator('tbody tr').nth(1).waitFor()
  const select = async (id: string) => {
    await page.locator(`[data-row="${id}"]`).focus()
    await page.keyboard.press('x')
  }
  await select(waiting)
  await page.getByText('1 item selected').waitFor()
  assert.deepEqual(await offered(), ['Defer', 'Cancel'])
  await select(broken)
  await page.getByText('2 items selected').waitFor()
  assert.deepEqual(await offered(), [
    'Requeue',
    'Redrive slowly',
    'Release key',
    'Skip',
    'Remove',
    'Defer',
    'Cancel',
  ])
  await page.goto(new URL(`/console/items?state=scheduled&state=ready`, page.url()).href)
  await page.getByLabel('Select all that are shown').check()
  await acts.first().waitFor()
  assert.deepEqual(await offered(), ['Defer', 'Cancel'])
})

const talker = defineQueueProcessor({
  name: 'talk',
  input: z.object({ isLoud: z.boolean() }),
  retry: { maxAttempts: 2, initialDelay: '10 ms' },
  async process(_, ctx) {
    const say = (lines: number) => Array.from({ length: lines }, (_each, line) => ctx.log(`line ${line}`))
    if (ctx.attempt > 1) return void say(200)
    say(700)
    await wait(300)
    say(300)
    throw new Error('said too much')
  },
})

for (const colorScheme of ['light', 'dark'] as const)
  test(
    `the timeline says what is left out of it, and no act is a pause (${colorScheme})`,
    { skip: noChromium },
    async (t) => {
      const node = await startNode(
        {},
        { applications: [defineApplication({ name: 'talk', definitions: [talker] })] },
      )
      t.after(() => node.stop())
      const id = await node.enqueue(talker, { isLoud: true }, { delay: '1 hour' })
      await node.defer(id, { operator: 'ada' })
      await node.resume(id, { operator: 'ada' })
      await node.result(id, { wait: '20s' })
      const { page } = await openConsole(t, {
        of: node,
        at: `/items/${id}`,
        colorScheme,
        expected: /REFUSED/,
      })
      await page.getByRole('button', { name: 'earlier entries' }).click()
      const gap = page.locator('.timeline-entry[data-kind="gap"]')
      assert.equal(await gap.locator('.entry-line').innerText(), 'Left out\n200 lines of its log')
      assert.equal(await gap.getByText('Data').count(), 0)
      assert.equal(await page.locator('[data-kind="log"] .segment[data-kind="wait"]').count(), 0)
      const act = page.locator('.timeline-entry[data-kind="act"]').first()
      await act.locator('.entry-dot').waitFor()
      assert.equal(await page.locator('.timeline .state-shape[data-state="deferred"]').count(), 0)
    },
  )
