import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, Reject, RetryLater } from '../../src/define/define.ts'
import type { TestNode } from '../../src/testing/testing.ts'
import { setup } from './setup.ts'

const noJitter = { initialDelay: '1 minute', factor: 2, jitter: 0 } as const

/** Throws what the list says, attempt by attempt, and then succeeds with the number of the attempt. */
function throwing(thrown: readonly (() => unknown)[], retry: object = noJitter) {
  return defineQueueProcessor({
    name: 'throwing',
    input: z.string(),
    retry,
    process: (_, { attempt }) => {
      const make = thrown[attempt - 1]
      // oxlint-disable-next-line typescript/only-throw-error -- handlers throw anything
      if (make) throw make()
      return attempt
    },
  })
}

async function waitsMs(node: TestNode, id: string): Promise<number> {
  const item = await node.item(id)
  assert.equal(item?.state, 'scheduled')
  return item.dueAt!.getTime() - (await node.now()).getTime()
}

test('each failure doubles the wait, the last one breaks the item; its error and its log are kept', async (t) => {
  const step = throwing([
    () => new Error('first'),
    () => Object.assign(new Error('second'), { code: 'ETWO', status: 502 }),
    () => 'third',
  ])
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  const first = await waitsMs(node, id)
  assert.ok(first > 45_000 && first <= 60_000, `${first} ms`)
  assert.equal((await node.item(id))?.attempts, 1)
  assert.equal((await node.item(id))?.error?.message, 'first')
  await node.advance('30s')
  await node.drain()
  assert.equal((await node.item(id))?.attempts, 1, 'not before its time')
  await node.advance('30s')
  await node.drain()
  const second = await waitsMs(node, id)
  assert.ok(second > 105_000 && second <= 120_000, `${second} ms`)
  assert.deepEqual((await node.item(id))?.error, { code: 'ETWO', status: 502, message: 'second' })
  await node.advance('2 minutes')
  await node.drain()
  const item = await node.item(id)
  assert.equal(item?.state, 'broken')
  assert.equal(item.attempts, 3)
  assert.deepEqual(item.error, { code: 'HANDLER_FAILED', message: 'third' })
  assert.equal(item.dueAt, undefined)
  assert.deepEqual(
    (await node.itemLog(id)).map(({ attempt, event, message }) => [attempt, event, message]),
    [
      [1, 'failed', 'first'],
      [2, 'failed', 'second'],
      [3, 'broken', 'third'],
    ],
  )
  await node.advance('1 day')
  await node.drain()
  assert.equal((await node.item(id))?.attempts, 3)
})

test('one that succeeds at last keeps no error in its way, and counts its attempts', async (t) => {
  const step = throwing([() => new Error('once'), () => new Error('twice')])
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  await node.advance('1 minute')
  await node.drain()
  await node.advance('2 minutes')
  await node.drain()
  assert.equal(await node.result(id), 3)
  assert.equal((await node.item(id))?.attempts, 3)
})

test('RetryLater says when, and counts as an attempt', async (t) => {
  const step = throwing([
    () => new RetryLater({ after: '10 minutes' }),
    () => new RetryLater('no time said'),
    () => new RetryLater('once too often', { after: '1s' }),
  ])
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  const said = await waitsMs(node, id)
  assert.ok(said > 585_000 && said <= 600_000, `${said} ms`)
  await node.advance('10 minutes')
  await node.drain()
  const unsaid = await waitsMs(node, id)
  assert.ok(unsaid > 105_000 && unsaid <= 120_000, `${unsaid} ms: as the policy says`)
  await node.advance('2 minutes')
  await node.drain()
  const item = await node.item(id)
  assert.equal(item?.state, 'broken')
  assert.equal(item.error?.code, 'RETRY_LATER')
})

test('Reject breaks the item at once', async (t) => {
  const step = throwing([() => new Reject('the employee has left')])
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  const item = await node.item(id)
  assert.equal(item?.state, 'broken')
  assert.equal(item.attempts, 1)
  assert.deepEqual(item.error, { code: 'REJECTED', message: 'the employee has left' })
})

test('maxAttempts: 1 tries once', async (t) => {
  const step = throwing([() => undefined], { maxAttempts: 1 })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  assert.equal((await node.item(id))?.state, 'broken')
  assert.equal((await node.item(id))?.attempts, 1)
})

test('an initial delay of nothing retries at once, however often', async (t) => {
  const step = throwing(
    Array.from({ length: 30 }, () => () => new Error('again')),
    { maxAttempts: 31, initialDelay: 0 },
  )
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  assert.equal(await node.result(id), 31)
})

test('a failure may hold any text', async (t) => {
  const texts = ['nul \0 here', 'half \ud83d of a pair', 'x'.repeat(100_000), '', '"\\\u0001']
  const step = defineQueueProcessor({
    name: 'texts',
    input: z.number(),
    key: (n) => n,
    retry: { maxAttempts: 2, initialDelay: '1 minute' },
    process: (n) => {
      throw new Error(texts[n])
    },
  })
  const node = await setup(t, [step])
  const ids = await node.enqueueMany(
    step,
    texts.map((_, n) => n),
  )
  await node.drain()
  await node.advance('2 minutes')
  await node.drain()
  for (const id of ids) assert.equal((await node.item(id))?.state, 'broken')
  assert.equal((await node.item(ids[0]!))?.error?.message, 'nul \ufffd here')
  assert.equal((await node.item(ids[2]!))?.error?.message.length, 2000)
})
