import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/index.ts'
import { pay, setupItems, tell } from './item-setup.ts'

const input = z.object({ employee: z.string(), what: z.string().optional() })
const key = ({ employee }: z.infer<typeof input>) => employee
const retry = { maxAttempts: 1 }

function process({ what }: z.infer<typeof input>): void {
  if (what === 'fail') throw new Error('the directory is closed')
}

const join = defineQueueProcessor({ name: 'join', input, key, retry, orderGroup: 'staff', process })
const leave = defineQueueProcessor({ name: 'leave', input, key, retry, orderGroup: 'staff', process })
const count = defineQueueProcessor({ name: 'count', input, key, retry, tracking: 'failures', process })

interface Later {
  readonly succeeded?: { readonly count: number; readonly isAtLeast: boolean }
  readonly processors: readonly string[]
}

async function setupLater(t: Parameters<typeof setupItems>[0]) {
  const set = await setupItems(t, {}, [join, leave, count])
  const later = async (id: string, who = 'observer') => (await set.ask<Later>(who, `/items/${id}/later`)).body
  return { ...set, later }
}

test('an item says how many later ones of its key have succeeded', { timeout: 60_000 }, async (t) => {
  const { node, later } = await setupLater(t)
  await node.enqueue(join, { employee: 'ada' })
  // of one flush, and so of one moment
  const [broken = ''] = await node.enqueueMany(join, [
    { employee: 'ada', what: 'fail' },
    { employee: 'ada' },
    { employee: 'ada', what: 'fail' },
    { employee: 'bob' },
  ])
  await node.enqueue(leave, { employee: 'ada' })
  await node.enqueue(pay, { employee: 'ada' })
  await node.drain()
  const told = await later(broken)
  assert.deepEqual(told.succeeded, { count: 2, isAtLeast: false })
  assert.deepEqual(told.processors.toSorted(), ['join', 'leave'])
  assert.deepEqual((await later(broken, 'north')).succeeded, undefined, 'it is not for that access group')
})

test('later items are counted to a hundred', { timeout: 60_000 }, async (t) => {
  const { node, later } = await setupLater(t)
  const broken = await node.enqueue(join, { employee: 'ada', what: 'fail' })
  const hundred = Array.from({ length: 100 }, () => ({ employee: 'ada' }))
  await node.enqueueMany(join, hundred)
  await node.drain()
  assert.deepEqual((await later(broken)).succeeded, { count: 100, isAtLeast: false })
  await node.enqueue(leave, { employee: 'ada' })
  await node.drain()
  assert.deepEqual((await later(broken)).succeeded, { count: 100, isAtLeast: true })
})

test('where nobody can know of later items nothing is said', { timeout: 60_000 }, async (t) => {
  const { node, ask, later } = await setupLater(t)
  const untracked = await node.enqueue(count, { employee: 'ada', what: 'fail' })
  await node.enqueue(count, { employee: 'ada' })
  const keyless = await node.enqueue(tell, { text: 'x' })
  await node.drain()
  assert.deepEqual(await later(untracked), { processors: ['count'] })
  assert.deepEqual(await later(keyless), { processors: ['tell'] })
  assert.equal((await ask('observer', '/items/0199f3a1-7c00-8001-8001-5f3c9a2b1000/later')).status, 404)
})
