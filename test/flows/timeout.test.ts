import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { until } from '../store/until.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

// Timeouts run by the real time of the process, so these are short.

test('a timeout aborts the signal with its reason, and the attempt has failed', async (t) => {
  const reasons: unknown[] = []
  const step = defineQueueProcessor({
    name: 'slow',
    input: z.string(),
    timeout: '100ms',
    retry: { maxAttempts: 1 },
    process: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          reject(new Error('told to stop'))
        })
      }),
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, 'x')
  await node.drain()
  const item = await node.item(id)
  assert.equal(item?.state, 'broken')
  assert.equal(item.error?.code, 'TIMEOUT')
  assert.equal(item.error?.message, 'slow did not end within 100 ms')
  assert.equal((reasons[0] as { code: string }).code, 'TIMEOUT')
})

test('a handler that does not listen keeps its slot and its key until it ends, and has failed all the same', async (t) => {
  const go = signal()
  const started: string[] = []
  const step = defineQueueProcessor({
    name: 'deaf',
    input: z.string(),
    key: () => 'k',
    concurrency: 1,
    timeout: '50ms',
    retry: { maxAttempts: 2, initialDelay: 0 },
    process: async (input, { attempt, signal }) => {
      started.push(`${input}${attempt}`)
      if (input === 'first' && attempt === 1) {
        await go.promise
        assert.ok(signal.aborted)
      }
      return 'done'
    },
  })
  const other = defineQueueProcessor({ name: 'other', input: z.string(), process: (text) => text })
  const node = await setup(t, [step, other])
  const [first] = await node.enqueueMany(step, ['first', 'second'])
  const beside = await node.enqueue(other, 'runs')
  assert.equal(await node.result(beside, { wait: '5s' }), 'runs')
  await until('it should have been aborted', async () => (await node.item(first!))?.state === 'running')
  assert.deepEqual(started, ['first1'])
  go.give()
  await node.drain()
  assert.deepEqual(started, ['first1', 'first2', 'second1'])
  assert.equal(await node.result(first!), 'done')
  assert.equal((await node.itemLog(first!))[0]?.message, 'deaf did not end within 50 ms')
})

test('one that ends in time is not touched by its timeout', async (t) => {
  const step = defineQueueProcessor({
    name: 'quick',
    input: z.string(),
    timeout: '10s',
    process: (_, { signal }) => ({ aborted: signal.aborted }),
  })
  const node = await setup(t, [step])
  assert.deepEqual(await node.result(await node.enqueue(step, 'x'), { wait: '5s' }), { aborted: false })
})
