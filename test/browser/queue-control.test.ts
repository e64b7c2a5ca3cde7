import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { defineApplication, defineQueueProcessor, type Node } from '../../src/index.ts'
import { noChromium } from './launch.ts'
import { openConsole, startNode } from './setup.ts'

/** Hangs the first time that it runs an item, until it is told to end. */
const seen = new Set<string>()
const hang = defineQueueProcessor({
  name: 'hang',
  input: z.object({ number: z.number() }),
  dedicated: { partitions: 2 },
  retry: { maxAttempts: 1 },
  async process(_, { item, signal }) {
    if (seen.has(item.id)) return 'done'
    seen.add(item.id)
    return new Promise<string>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('told to end')))
    })
  },
})

let node: Node
before(async () => {
  if (noChromium) return
  node = await startNode({}, { applications: [defineApplication({ name: 'hanging', definitions: [hang] })] })
})
after(() => (node as Node | undefined)?.stop())

test('a queue whose handler hangs is restarted, and no attempt is lost', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { of: node, role: 'operator', at: '/queues/hang' })
  const id = await node.enqueue(hang, { number: 1 })
  while (!seen.has(id)) await new Promise(setImmediate)
  await page.getByRole('button', { name: 'Restart hang' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('begins again, without using up an attempt').waitFor()
  await dialog.getByLabel(/Why/).fill('the partner hangs')
  await dialog.getByRole('button', { name: 'Restart', exact: true }).click()
  await page.getByText('hang is restarted').waitFor()
  assert.equal(await node.result(id, { wait: '20s' }), 'done')
  assert.equal((await node.item(id))?.attempts, 1)
  await page.getByRole('link', { name: 'Audit', exact: true }).click()
  const entry = page.locator('.audit-entry', { hasText: 'the partner hangs' })
  await entry.getByText('queue.restart', { exact: true }).waitFor()
})

test('a queue is given more partitions, and what waits is run', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { of: node, at: '/queues/hang', expected: /status of 4/ })
  const partitions = page.getByRole('region', { name: /Partitions/ })
  await partitions.getByRole('button', { name: 'Change their number' }).click()
  const dialog = page.getByRole('dialog')
  const change = dialog.getByRole('button', { name: 'Change', exact: true })
  // the number that it has is no change
  assert.equal(await change.isDisabled(), true)
  const field = dialog.getByLabel('Partitions')
  await field.fill('0')
  assert.equal(await change.isDisabled(), true)
  await field.fill('5000')
  await change.click()
  await dialog.getByRole('alert').waitFor()
  await field.fill('3')
  await dialog.getByLabel(/Why/).fill('more to do')
  await change.click()
  await page.getByText('hang is given 3 partitions').waitFor()
  await dialog.waitFor({ state: 'detached' })
  await partitions.locator('tbody tr').nth(2).waitFor()
  assert.equal((await node.queues.list()).find(({ queue }) => queue === 'hang')?.partitions, 3)
  const id = await node.enqueue(hang, { number: 2 })
  seen.add(id)
  assert.equal(await node.result(id, { wait: '20s' }), 'done')
})

test('an operator is not offered another number of partitions', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { of: node, role: 'operator', at: '/queues/hang' })
  await page.getByRole('region', { name: /Partitions/ }).waitFor()
  await page.getByRole('button', { name: 'Pause hang' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Change their number' }).count(), 0)
})

test('a queue is stopped, keeps what comes, and goes on', { skip: noChromium }, async (t) => {
  const { page } = await openConsole(t, { of: node, role: 'operator', at: '/queues/hang' })
  const chip = page.locator('.page-head .chip')
  const act = async (name: string, state: string) => {
    await page.getByRole('button', { name: `${name} hang` }).click()
    await page.getByLabel(/Why/).fill('the partner moves')
    await page.getByRole('dialog').getByRole('button', { name, exact: true }).click()
    await chip.getByText(state).waitFor()
  }
  await act('Stop', 'stopped')
  const id = await node.enqueue(hang, { number: 3 })
  seen.add(id)
  assert.equal((await node.item(id))?.state, 'ready')
  await act('Start', 'running')
  assert.equal(await node.result(id, { wait: '20s' }), 'done')
})
