import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from './setup.ts'

/** Results by name, since most cannot be given as an input. */
const results: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  false: false,
  zero: 0,
  empty: '',
  'empty object': {},
  nested: { a: [1, { b: null }], ключ: 'значение' },
  nul: { text: 'before \0 after' },
  'half a pair': ['\ud83d'],
  big: 'x'.repeat(900_000),
  'over the limit': 'x'.repeat(2_000_000),
  bigint: 1n,
  function: () => {},
  circle: circle(),
  throwing: {
    toJSON() {
      throw new Error('not today')
    },
  },
  date: new Date(0),
  'not a number': Number.NaN,
}
const unwritable = ['over the limit', 'bigint', 'function', 'circle', 'throwing']

function circle(): object {
  const made: Record<string, unknown> = {}
  made['self'] = made
  return made
}

for (const way of ['at once', 'as a promise', 'with a line of the log'])
  test(`results come back as JSON would write them: ${way}`, async (t) => {
    const give = defineQueueProcessor({
      name: 'give',
      input: z.string(),
      retry: { maxAttempts: 3 },
      process: (name, ctx): unknown => {
        if (way === 'with a line of the log') ctx.log('gave')
        return way === 'as a promise' ? Promise.resolve(results[name]) : results[name]
      },
    })
    const node = await setup(t, [give])
    const names = Object.keys(results)
    const ids = await node.enqueueMany(give, names)
    await node.drain()
    for (const [at, name] of names.entries()) {
      const item = await node.item(ids[at]!)
      if (unwritable.includes(name)) {
        // Trying again would only repeat what the handler did.
        assert.deepEqual(
          [item?.state, item?.attempts, item?.error?.code],
          ['broken', 1, 'RESULT_INVALID'],
          name,
        )
        assert.match(item?.error?.message ?? '', /^the result of give /)
        continue
      }
      assert.equal(item?.state, 'succeeded', `${name}: ${item?.error?.message}`)
      const text = JSON.stringify(results[name])
      assert.deepEqual(item.result, text === undefined ? undefined : JSON.parse(text), name)
      assert.equal(Object.hasOwn(item, 'result'), text !== undefined, name)
    }
  })

test('an input of null stays null wherever the item lies', async (t) => {
  let away = true
  const step = defineQueueProcessor({
    name: 'step',
    input: z.null(),
    retry: { maxAttempts: 3, initialDelay: '1 minute' },
    process: (input) => {
      if (away) throw new Error('away')
      return { input }
    },
  })
  const node = await setup(t, [step])
  const id = await node.enqueue(step, null)
  const waits = await node.enqueue(step, null, { delay: '1 day' })
  await node.drain()
  for (const one of [id, waits]) assert.equal((await node.item(one))?.input, null)
  away = false
  await node.advance('2 minutes')
  await node.drain()
  assert.equal((await node.item(id))?.input, null)
  assert.deepEqual(await node.result(id), { input: null })
})
