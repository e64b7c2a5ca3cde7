import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { z } from 'zod'
import type { HandlerContext, Json, QueueItemId, Receipt } from '../../src/define/define.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import type { Node } from '../../src/node.ts'
import type { Equal, Expect, InputOf, ResultOf } from './expect.ts'
import { hasType } from './expect.ts'

const account = { id: 'a', createdAt: new Date(0), note: undefined as string | undefined }

const provision = defineQueueProcessor({
  name: 'provision-account',
  input: z.object({
    employeeId: z.string(),
    from: z.coerce.date(),
    level: z.string().transform(Number).optional(),
  }),
  key: (input) => {
    hasType<{ employeeId: string; from: Date; level?: number | undefined }>()(input)
    return input.employeeId
  },
  concurrency: 50,
  retry: { maxAttempts: 3, initialDelay: '1 minute', factor: 2 },
  timeout: '5 minutes',
  supersede: 'older',
  async process(input, ctx) {
    hasType<{ employeeId: string; from: Date; level?: number | undefined }>()(input)
    hasType<HandlerContext>()(ctx)
    ctx.atCommit((tx) => tx.query('select 1', [input.from.getTime()]))
    return account
  },
})

export type Provision = [
  Expect<Equal<InputOf<typeof provision>, { employeeId: string; from: unknown; level?: string | undefined }>>,
  Expect<Equal<ResultOf<typeof provision>, { id: string; createdAt: string; note?: string }>>,
  Expect<Equal<ResultOf<typeof provision>, Json<typeof account>>>,
  Expect<Equal<(typeof provision)['name'], 'provision-account'>>,
]

// a schema of no library
const positive: StandardSchemaV1<string, number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'string' ? { value: Number(value) } : { issues: [{ message: 'no text' }] },
  },
}

const double = defineQueueProcessor({
  name: 'double',
  input: positive,
  key: (input) => input,
  process: (input) => input * 2,
})

export type Double = [
  Expect<Equal<InputOf<typeof double>, string>>,
  Expect<Equal<ResultOf<typeof double>, number>>,
]

// apart from its handler
const declared = defineQueueProcessor({
  name: 'apart',
  input: z.object({ at: z.coerce.date<string>() }),
  key: (input) => input.at.getTime(),
})
const handled = declared.process(async (input, ctx) => {
  hasType<{ at: Date }>()(input)
  hasType<HandlerContext>()(ctx)
  return input
})

export type Apart = [
  Expect<Equal<InputOf<typeof declared>, { at: string }>>,
  Expect<Equal<ResultOf<typeof declared>, unknown>>,
  Expect<Equal<InputOf<typeof handled>, { at: string }>>,
  Expect<Equal<ResultOf<typeof handled>, { at: string }>>,
]

// nothing returned
const quiet = defineQueueProcessor({ name: 'quiet', input: z.null(), async process() {} })
export type Quiet = [Expect<Equal<ResultOf<typeof quiet>, undefined>>]

/** Through what every enqueue promises. */
export async function enqueueInHandler(ctx: HandlerContext): Promise<void> {
  const id = await ctx.enqueue(double, '7')
  hasType<QueueItemId<number>>()(id)
  const other = await ctx.enqueue(handled, { at: '2026-11-22' }, { delay: '10 minutes' })
  hasType<QueueItemId<{ at: string }>>()(other)
  // @ts-expect-error the schema takes text, not its output
  await ctx.enqueue(double, 7)
  // @ts-expect-error a member is missing
  await ctx.enqueue(provision, { employeeId: '42' })
  // @ts-expect-error the input is inferred from the definition alone
  await ctx.enqueue(handled, {})
  // @ts-expect-error a Date is no text
  await ctx.enqueue(declared, { at: new Date() })
}

const keyless = z.object({ k: z.string().optional() })

export function refuseWrongOptions(): unknown[] {
  return [
    // @ts-expect-error no input schema
    defineQueueProcessor({ name: 'a', process: () => 1 }),
    // @ts-expect-error no schema
    defineQueueProcessor({ name: 'a', input: {} }),
    // @ts-expect-error unknown option
    defineQueueProcessor({ name: 'a', input: z.string(), concurency: 5 }),
    // @ts-expect-error unknown choice
    defineQueueProcessor({ name: 'a', input: z.string(), order: 'loose', process: () => 1 }),
    // @ts-expect-error not part of this release
    defineQueueProcessor({ name: 'a', input: z.string(), dedicated: { stream: 'kafka' } }),
    // @ts-expect-error unknown choice
    defineQueueProcessor({ name: 'a', input: z.string(), onBroken: 'stop' }),
    // @ts-expect-error a key that may be missing
    defineQueueProcessor({ name: 'a', input: keyless, key: (input) => input.k }),
    // @ts-expect-error no such member
    defineQueueProcessor({ name: 'a', input: z.object({ k: z.string() }), process: (input) => input.x }),
  ]
}

test('a queue processor is typed from end to end', () => {
  assert.deepEqual(
    [provision.name, double.name, handled.name, quiet.name],
    ['provision-account', 'double', 'apart', 'quiet'],
  )
  assert.equal(refuseWrongOptions().length, 8)
})

test('a receipt knows the result as an id does, and what may be asked of accepting', () => {
  const accept = async (node: Node): Promise<void> => {
    const receipt = await node.accept(double, '1', { uniqueKey: 'u', uniqueFor: '10 minutes' })
    hasType<Receipt<number>>()(receipt)
    hasType<QueueItemId<number>>()(receipt.id)
    hasType<'new' | 'repeated' | 'replaced'>()(receipt.outcome)
    hasType<number>()(await node.result(receipt.id))
    await node.enqueue(double, '1', { debounce: { key: 'k', wait: '30s', maxWait: 300_000 } })
    // @ts-expect-error a debounce has a wait
    await node.enqueue(double, '1', { debounce: { key: 'k' } })
    // @ts-expect-error the input is text
    await node.accept(double, 1)
  }
  assert.equal(typeof accept, 'function')
})
