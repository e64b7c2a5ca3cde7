import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isCoatcheckError, type ErrorCode } from '../../src/base/errors.ts'
import { defineQueueProcessor, Reject } from '../../src/define/define.ts'
import type { ItemEndedError } from '../../src/node/item-ended.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

const code =
  (wanted: ErrorCode, says = /./) =>
  (error: unknown) => {
    assert.ok(isCoatcheckError(error, wanted), String(error))
    assert.match(error.message, says)
    return true
  }

const unknownId = '0199f3a1-7c00-8001-8001-5f3c9a2b1000'

/** A processor that returns when it is told to. */
function waiting() {
  const go = signal()
  const started = signal()
  const slow = defineQueueProcessor({
    name: 'slow',
    input: z.string(),
    async process(input) {
      started.give()
      await go.promise
      return `${input}!`
    },
  })
  return { go, started, slow }
}

for (const where of ['this node', 'another node'] as const)
  test(`a wait ends promptly when ${where} has run the item`, async (t) => {
    const { go, started, slow } = waiting()
    const worker = await setup(t, [slow])
    const node =
      where === 'this node' ? worker : await setup(t, [slow], { place: worker.place, start: false })
    const id = await node.enqueue(slow, 'x')
    await assert.rejects(node.result(id), code('RESULT_PENDING', /give \{ wait \}/))
    await assert.rejects(node.result(id, { wait: '20ms' }), code('RESULT_PENDING', /within 20 ms/))
    const results = Array.from({ length: 3 }, () => node.result(id, { wait: '20s' }))
    await started.promise
    const began = performance.now()
    go.give()
    assert.deepEqual(await Promise.all(results), ['x!', 'x!', 'x!'])
    assert.ok(performance.now() - began < 5_000, 'the wait does not last to its end')
    assert.equal(await node.result(id), 'x!')
    assert.equal(await node.result(id.toUpperCase()), 'x!')
  })

test('a wait longer than a timer can be does not ask without pause', async (t) => {
  const { go, started, slow } = waiting()
  const node = await setup(t, [slow])
  const id = await node.enqueue(slow, 'x')
  const warnings: string[] = []
  const onWarning = (warning: Error) => warnings.push(warning.name)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const result = node.result(id, { wait: '60 days' })
  await started.promise
  await node.query('select 1')
  await new Promise(setImmediate)
  go.give()
  assert.equal(await result, 'x!')
  assert.deepEqual(warnings, [])
})

test('a wait ends with its signal, whose reason is the cause', async (t) => {
  const { go, started, slow } = waiting()
  const node = await setup(t, [slow])
  const id = await node.enqueue(slow, 'x')
  const controller = new AbortController()
  const result = node.result(id, { wait: '20s', signal: controller.signal })
  await started.promise
  const gone = new Error('the caller has gone away')
  const began = performance.now()
  controller.abort(gone)
  const undone = (error: unknown) => {
    assert.equal((error as Error).cause, gone)
    return code('RESULT_PENDING', /has not ended; its signal ended the wait$/)(error)
  }
  await assert.rejects(result, undone)
  await assert.rejects(node.result(id, { wait: '20s', signal: controller.signal }), undone)
  assert.ok(performance.now() - began < 5_000)
  go.give()
  await node.drain()
  assert.equal(await node.result(id, { signal: controller.signal }), 'x!', 'what is there is given')
})

test('a wait ends when the node stops', async (t) => {
  const { go, slow } = waiting()
  const worker = await setup(t, [slow])
  const node = await setup(t, [slow], { place: worker.place, start: false })
  const id = await node.enqueue(slow, 'x')
  const result = assert.rejects(
    node.result(id, { wait: '10 minutes' }),
    (error) => isCoatcheckError(error, 'NODE_STOPPED') || isCoatcheckError(error, 'DATABASE_CLOSED'),
  )
  await assert.rejects(node.result(id, { wait: '20ms' }), code('RESULT_PENDING'))
  await node.stop()
  await result
  go.give()
})

test('broken, cancelled, unknown and garbage', async (t) => {
  const newest = defineQueueProcessor({
    name: 'newest',
    input: z.number(),
    key: () => 'k',
    supersede: 'older',
    process: (n) => n,
  })
  const failing = defineQueueProcessor({
    name: 'failing',
    input: z.string(),
    process() {
      throw new Reject('the employee has left')
    },
  })
  const node = await setup(t, [newest, failing], { start: false })
  const [older, newer] = [await node.enqueue(newest, 1), await node.enqueue(newest, 2)]
  const broken = await node.enqueue(failing, 'x')
  await node.start()
  const waits = assert.rejects(node.result(broken, { wait: '20s' }), code('ITEM_BROKEN'))
  await node.drain()
  await waits
  assert.equal(await node.result(newer), 2)
  await assert.rejects(node.result(older, { wait: '20s' }), code('ITEM_CANCELLED', /superseded/))
  await assert.rejects(node.result(broken), (error: ItemEndedError) => {
    assert.deepEqual(error.failure, { code: 'REJECTED', message: 'the employee has left' })
    assert.equal(error.item.id, broken)
    return code('ITEM_BROKEN', /after 1 attempts?: REJECTED: the employee has left/)(error)
  })
  await assert.rejects(node.result(unknownId, { wait: '20s' }), code('ITEM_NOT_FOUND', /0199f3a1/))
  for (const garbage of ['', 'x', 42, undefined, `${unknownId}0`])
    await assert.rejects(node.result(garbage as never), code('ITEM_ID_INVALID'))
  await assert.rejects(node.result(broken, { wait: 'long' }), code('OPTION_INVALID', /wait is "long"/))
})

test('a result of a later attempt, with everything that a line of text could trip over', async (t) => {
  const results: unknown[] = [
    'quotes " and \\ and \n and \r and \t, {braces}, NULL, \\N, 😀 \u2028 \u0085',
    { nested: [{ b: [[], {}, null, '', [{ 'c.d "e"\n': [false] }]] }], numbers: [-1.5e-7, 2 ** 53 - 1] },
    JSON.parse(`${'['.repeat(512)}${']'.repeat(512)}`),
    'x'.repeat(1_048_574),
  ]
  const returning = defineQueueProcessor({
    name: 'returning',
    input: z.object({ which: z.number(), at: z.number() }),
    process({ which, at }, { attempt }) {
      if (attempt < at) throw new Error('not yet')
      return results[which]
    },
  })
  const node = await setup(t, [returning])
  const inputs = results.flatMap((_, which) => [1, 2].map((at) => ({ which, at })))
  const ids = await node.enqueueMany(returning, inputs)
  await node.drain()
  await node.advance('2 minutes')
  await node.drain()
  for (const [at, { which }] of inputs.entries())
    assert.deepEqual(await node.result(ids[at] as string), results[which])
})

test('a result that cannot be stored is the failure, and its item runs no more', async (t) => {
  let runs = 0
  const returning = defineQueueProcessor({
    name: 'returning',
    input: z.string(),
    process(name) {
      runs++
      if (name === 'good') return name
      return name === 'deep' ? JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) : [{ amount: 7n }]
    },
  })
  const node = await setup(t, [returning])
  const [good, deep, amount] = await node.enqueueMany(returning, ['good', 'deep', 'amount'])
  await node.drain()
  await node.advance('1 day')
  await node.drain()
  assert.equal(runs, 3)
  assert.equal(await node.result(good as string), 'good')
  const broken = (says: RegExp) => code('ITEM_BROKEN', says)
  await assert.rejects(node.result(deep as string), broken(/RESULT_INVALID: .* over 512 levels/))
  await assert.rejects(node.result(amount as string), broken(/RESULT_INVALID: .* BigInt 7n at \/0\/amount/))
})
