import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor, type HandlerContext } from '../../src/define/define.ts'
import { signal } from './order-watch.ts'
import { setup } from './setup.ts'

const child = defineQueueProcessor({ name: 'child', input: z.number(), process: (n) => n * 2 })

test('what a handler enqueues happens with its settle, or not at all', async (t) => {
  const parent = defineQueueProcessor({
    name: 'parent',
    input: z.enum(['fine', 'fails', 'fails at commit']),
    retry: { maxAttempts: 1 },
    process: async (what, ctx) => {
      const now = await ctx.enqueue(child, 1)
      const later = await ctx.enqueue(child, 2, { delay: '1 hour' })
      if (what === 'fails') throw new Error('after enqueue')
      if (what === 'fails at commit')
        ctx.atCommit(() => {
          throw new Error('at commit')
        })
      return { now, later }
    },
  })
  const node = await setup(t, [parent, child])
  const fine = await node.enqueue(parent, 'fine')
  await node.enqueueMany(parent, ['fails', 'fails at commit'])
  await node.drain()
  const { now, later } = await node.result(fine)
  assert.equal(await node.result(now), 2)
  assert.equal((await node.item(later))?.state, 'scheduled')
  assert.equal((await node.item(now))?.context.causationId, fine)
  assert.equal((await node.items()).filter(({ processor }) => processor === 'child').length, 2)
  await node.advance('1 hour')
  await node.drain()
  assert.equal(await node.result(later), 4)
})

test('an input that does not fit fails where it is enqueued', async (t) => {
  const parent = defineQueueProcessor({
    name: 'parent',
    input: z.string(),
    process: async (name, ctx) => {
      const codes: string[] = []
      const attempt = (work: Promise<unknown>) =>
        work.catch((error: { code: string }) => void codes.push(error.code))
      await attempt(ctx.enqueue(child, 'no number' as unknown as number))
      await attempt(ctx.enqueue({ kind: 'queue-processor', name }, 1))
      await attempt(ctx.enqueue(child, 1, { uniqueKey: 'u' }))
      return codes
    },
  })
  const node = await setup(t, [parent, child])
  const id = await node.enqueue(parent, 'chidl')
  assert.deepEqual(await node.result(id, { wait: '5s' }), [
    'PAYLOAD_INVALID',
    'UNKNOWN_PROCESSOR',
    'OPTION_INVALID',
  ])
  assert.equal((await node.items()).length, 1)
})

test('lines of the log and the progress are stored with the outcome, whatever text they hold', async (t) => {
  const long = `${'x'.repeat(1_999)}\u{1f600}`
  const step = defineQueueProcessor({
    name: 'talk',
    input: z.boolean(),
    retry: { maxAttempts: 1 },
    process: (fails, { log, progress }) => {
      log('plain', { a: [1, null] })
      log('nul \0')
      log('half \ud83d')
      // Cut in the middle of a pair.
      log(long)
      progress({ percent: 50 })
      if (fails) throw new Error('at the end')
    },
  })
  const node = await setup(t, [step])
  for (const fails of [false, true]) {
    const id = await node.enqueue(step, fails)
    await node.drain()
    const lines = await node.itemLog(id)
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['plain', 'nul \ufffd', 'half \ufffd', `${'x'.repeat(1_999)}\ufffd`, ...(fails ? ['at the end'] : [])],
    )
    assert.deepEqual(lines[0]?.data, { a: [1, null] })
    const item = await node.item(id)
    assert.equal(item?.state, fails ? 'broken' : 'succeeded')
    assert.deepEqual(item.progress, { percent: 50 })
  }
})

test('a context that is used after its attempt has ended throws', async (t) => {
  const kept: HandlerContext[] = []
  const late = signal()
  const lateEnqueue: unknown[] = []
  const step = defineQueueProcessor({
    name: 'leak',
    input: z.string(),
    process: (_, ctx) => {
      kept.push(ctx)
      // Begun in time and not awaited: it must not get lost without a word.
      const slow = { ...child, name: 'slow-schema' }
      ctx.enqueue(slow, 1).catch((error: unknown) => {
        lateEnqueue.push(error)
        late.give()
      })
    },
  })
  const slowSchema = defineQueueProcessor({
    name: 'slow-schema',
    input: z.number().refine(() => new Promise<boolean>((resolve) => setImmediate(() => resolve(true)))),
    process: () => {},
  })
  const node = await setup(t, [step, slowSchema])
  await node.enqueue(step, 'x')
  await late.promise
  assert.equal((lateEnqueue[0] as { code: string }).code, 'HANDLER_OVER')
  const ctx = kept[0]!
  const over = { code: 'HANDLER_OVER', message: /after attempt 1 of item .* await all/ }
  assert.throws(() => ctx.log('late'), over)
  assert.throws(() => ctx.progress(1), over)
  assert.throws(() => ctx.atCommit(() => {}), over)
  await assert.rejects(ctx.enqueue(child, 1), over)
  await node.drain()
  assert.equal((await node.items()).length, 1)
})

test('the context of whoever asked is there, and goes with what the handler enqueues', async (t) => {
  const step = defineQueueProcessor({
    name: 'ask',
    input: z.string(),
    process: async (_, ctx) => {
      const own = await ctx.enqueue(child, 1, { context: { operator: 'bob' } })
      return { operator: ctx.context.operator, token: ctx.token, id: ctx.item.id, key: ctx.item.key, own }
    },
  })
  const node = await setup(t, [step, child])
  const id = await node.enqueue(step, 'x', { context: { operator: 'ada', correlationId: 'c-1' } })
  const result = await node.result(id, { wait: '5s' })
  assert.deepEqual([result.operator, result.id, result.key], ['ada', id, null])
  assert.ok(Number.isInteger(result.token) && result.token > 0)
  await node.drain()
  assert.deepEqual((await node.item(result.own))?.context, {
    operator: 'bob',
    correlationId: 'c-1',
    causationId: id,
  })
})
