import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { CoatcheckError, isCoatcheckError } from '../../src/base/errors.ts'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode } from '../../src/node.ts'
import { setup } from './setup.ts'

const take = defineQueueProcessor({ name: 'take', input: z.any(), process: () => {} })

const refused: [string, unknown, RegExp][] = [
  ['no duration', { delay: 'soon' }, /delay is "soon"/],
  ['a negative delay', { delay: -1 }, /delay is -1/],
  ['an endless delay', { delay: Infinity }, /delay is Infinity/],
  ['a delay beyond all dates', { delay: '99999999999 weeks' }, /delay is "99999999999 weeks"/],
  ['no date', { at: '2030-01-01' }, /at is "?2030-01-01/],
  ['an invalid date', { at: new Date('x') }, /at is .*Invalid Date/],
  ['a date before all', { at: new Date(-8.64e15) }, /at is .*-271821/],
  ['both times', { delay: '1s', at: new Date(0) }, /both delay .*1s.* and at .*1970/],
  ['an empty unique key', { uniqueKey: '' }, /uniqueKey is ""/],
  ['a unique key that is none', { uniqueKey: 7 }, /uniqueKey is 7/],
  ['a BigInt as unique key', { uniqueKey: 7n }, /uniqueKey is 7n/],
  ['a long unique key', { uniqueKey: 'u'.repeat(1025) }, /uniqueKey "uuu.*1,025 bytes/],
  ['NUL in a unique key', { uniqueKey: 'a\0b' }, /uniqueKey .*NUL/],
  ['a late unique key', { uniqueKey: 'u', delay: '1s' }, /uniqueKey cannot be combined with delay/],
  ['an unknown option', { dealy: '1s' }, /unknown option "dealy"; did you mean "delay"/],
  ['null', null, /options is null/],
  ['no transaction', { tx: {} }, /tx is .*no transaction/],
  ['text as context', { context: 'me' }, /context is "me"/],
  ['a BigInt in the context', { context: { operator: 7n } }, /context\.operator is 7n/],
  ['NUL in the context', { context: { operator: 'a\0b' } }, /context\.operator .*NUL/],
  ['a surrogate in the context', { context: { operator: '\ud800' } }, /context\.operator .*surrogate/],
  ['a book in the context', { context: { operator: 'x'.repeat(5_000) } }, /context\.operator .*5,000/],
  ['an unknown part', { context: { oprator: 'me' } }, /"context\.oprator"; did you mean "context\.operator"/],
]

test('options that cannot be used are refused, and nothing is stored', async (t) => {
  const node = await setup(t, [take], { start: false })
  const log = `select count(*)::int as rows from ${node.place.schema}.log`
  for (const [name, options, says] of refused)
    await t.test(name, async () => {
      await assert.rejects(node.enqueue(take, 1, options as never), (error) => {
        assert.ok(error instanceof CoatcheckError, String(error))
        assert.equal(error.code, 'OPTION_INVALID', error.message)
        assert.match(error.message, says)
        return true
      })
      assert.deepEqual((await node.query(log)).rows, [{ rows: 0 }])
    })
})

test('a handler is refused the same', async (t) => {
  const told: string[] = []
  const hand = defineQueueProcessor({
    name: 'hand',
    input: z.any(),
    async process(_, ctx) {
      for (const [, options] of refused)
        await ctx.enqueue(take, 1, options as never).catch((error: unknown) => {
          if (isCoatcheckError(error, 'OPTION_INVALID')) told.push(error.message)
        })
      await ctx.enqueue(take, 1, { tx: {} } as never).catch((error: Error) => told.push(error.message))
    },
  })
  const node = await setup(t, [take, hand])
  await node.enqueue(hand, 1)
  await node.drain()
  assert.equal(told.length, refused.length + 1)
  assert.match(told.at(-1) ?? '', /tx .*ctx\.enqueue/)
  assert.equal((await node.items()).length, 1)
})

test('times that are odd but can be used', async (t) => {
  const node = await setup(t, [take])
  for (const options of [
    {},
    undefined,
    { delay: 0 },
    { delay: '0 s' },
    { at: new Date(0) },
    { at: new Date('0099-01-01T00:00:00Z') },
    { delay: 0.25 },
    { tx: undefined, context: undefined },
  ])
    await node.enqueue(take, 1, options as never)
  await node.drain()
  assert.deepEqual(new Set((await node.items()).map(({ state }) => state)), new Set(['succeeded']))
  const far = await node.enqueue(take, 1, { delay: '3650 days' })
  assert.equal((await node.item(far))?.state, 'scheduled')
})

test('all problems of a configuration are told at once', async () => {
  const definitions = [
    defineQueueProcessor({ name: 'Wrong Name', input: z.any(), process: () => {} }),
    defineQueueProcessor({ name: 'no-input', process: () => {} } as never),
    defineQueueProcessor({ name: 'typing', input: z.any(), concurency: 3, process: () => {} } as never),
    defineQueueProcessor({ name: 'waits', input: z.any(), timeout: 'soon', process: () => {} }),
  ]
  await assert.rejects(
    createNode({
      applications: [defineApplication({ name: 'flows', definitions })],
      databse: 'embedded',
      nodeTypes: ['wbe'],
      maxUnsettled: 0,
      stopTimeout: '2 hours',
      migrate: 'never',
      http: { prot: 3000, basePath: 'integration' },
    } as never),
    (error: CoatcheckError) => {
      assert.equal(error.code, 'CONFIG_INVALID')
      for (const says of [
        /Wrong Name/,
        /no-input/,
        /concurency.*did you mean "concurrency"/,
        /"?waits"?.*timeout is "soon"|timeout.*"soon"/,
        /databse.*did you mean "database"/,
        /nodeTypes has "wbe"/,
        /maxUnsettled is 0/,
        /stopTimeout is "2 hours"/,
        /migrate is "never"/,
        /http\.prot.*did you mean "http\.port"/,
        /http\.basePath is "integration"/,
      ])
        assert.match(error.message, says)
      assert.match(error.message, /^11 problems:\n- /)
      assert.equal(error.errors?.length, 11)
      return true
    },
  )
})
