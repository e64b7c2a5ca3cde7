import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { HandlerContext } from '../../src/define/context.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { setup } from '../flows/setup.ts'

/** What an array literal, a JSON text or a careless quote would trip over. */
const hard = [
  'NULL', 'null', '', ' ', '{}', '{', '}', ',', '"', '""', '\\', '\\\\', '\\"', '"\\', "'", "''", '$1', '\n', '\r\n',
  '\t', '\b', '\u0001', '\u001f', '\u007f', '\u0085', '\u2028', '\ufeff', '\ufffd', '😀', 'e\u0301', '\\n', '\\u0000',
  '\\N', '(a,b)', '[1,2)', '{"a":1}', '-- x', '/*', '%s', '\u{10ffff}',
] // prettier-ignore

const piece = fc.oneof(fc.constantFrom(...hard), fc.string({ unit: 'binary', maxLength: 8 }))
const text = fc
  .array(piece, { maxLength: 5 })
  .map((pieces) => pieces.join('').replaceAll('\0', '').toWellFormed())
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    text,
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}))
const item = fc.record(
  { key: text.map((key) => `${key}.`.slice(0, 200).toWellFormed()), value },
  { noNullPrototype: true },
)

type Given = { key: string; value: unknown }

/** The ways to the tracked items: each writes its rows differently. */
const ways: Record<string, (given: Given, ctx: HandlerContext) => void> = {
  'in a first run': () => {},
  'with a line and progress': ({ key, value }, ctx) => {
    ctx.log(key, value)
    ctx.progress(value)
  },
  'from the lane, after a failure': ({ key }, { attempt }) => {
    if (attempt === 1) throw new Error(key)
  },
}

for (const [way, act] of Object.entries(ways))
  test(`keys, inputs, contexts and results come back as they were: ${way}`, async (t) => {
    const echo = defineQueueProcessor({
      name: 'echo',
      input: z.object({ key: z.string(), value: z.unknown() }),
      key: ({ key }) => key,
      concurrency: 50,
      retry: { initialDelay: 0 },
      process: ({ key, value }, ctx): unknown => {
        act({ key, value }, ctx)
        return { key, value }
      },
    })
    const node = await setup(t, [echo])
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${seed}`)
    const items: Given[] = [
      ...hard.filter((key) => key !== '').map((key) => ({ key, value: key })),
      ...fc.sample(item, { numRuns: 100, seed }),
    ]
    const ids = await Promise.all(
      items.map((one) => node.enqueue(echo, one, { context: { operator: one.key } })),
    )
    await node.drain()
    for (const [at, given] of items.entries()) {
      const found = await node.item(ids[at]!)
      assert.deepEqual(
        [found?.state, found?.key, found?.input, found?.result, found?.context],
        ['succeeded', given.key, given, given, { operator: given.key }],
        `seed ${seed}, item ${at}`,
      )
      const lines = await node.itemLog(ids[at]!)
      if (way === 'in a first run') assert.deepEqual(lines, [])
      else assert.equal(lines[0]?.message, given.key)
      if (way !== 'with a line and progress') continue
      // Progress that says null is none.
      assert.deepEqual([lines[0]?.data, found?.progress], [given.value, given.value ?? undefined])
    }
  })

test('an input that is null stays null', async (t) => {
  const nothing = defineQueueProcessor({
    name: 'nothing',
    input: z.null(),
    process: (input, { log }) => {
      log('a line')
      return input
    },
  })
  const node = await setup(t, [nothing])
  const id = await node.enqueue(nothing, null)
  await node.drain()
  const found = await node.item(id)
  assert.deepEqual([found?.state, found?.input, found?.result], ['succeeded', null, null])
})
