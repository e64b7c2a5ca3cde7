import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { Failure, HandlerContext } from '../../src/define/define.ts'
import {
  defineApplication,
  defineQueueProcessor,
  defineService,
  Problem,
  reply,
} from '../../src/define/define.ts'
import type { Equal, Expect, InputOf, ResultOf } from './expect.ts'
import { hasType } from './expect.ts'

const hireWorker = defineService({
  name: 'hire-worker',
  input: z.object({ employeeId: z.string(), on: z.coerce.date<string>() }),
  output: z.object({ account: z.string(), at: z.coerce.date<Date>() }),
  execution: 'immediate',
  queueWhen: (error, input) => {
    hasType<Failure>()(error)
    hasType<{ employeeId: string; on: Date }>()(input)
    return error.code === 'CONNECTION_FAILED'
  },
  key: (input) => {
    hasType<{ employeeId: string; on: Date }>()(input)
    return input.employeeId
  },
  async run(input, ctx) {
    hasType<{ employeeId: string; on: Date }>()(input)
    hasType<HandlerContext>()(ctx)
    if (input.employeeId === '') throw new Problem({ status: 409, code: 'ALREADY_HIRED', detail: 'Hired' })
    if (input.employeeId === '1')
      return reply({ account: 'a', at: input.on }, { status: 201, headers: { location: '/a' } })
    return { account: 'a', at: input.on }
  },
})

export type HireWorker = [
  Expect<Equal<InputOf<typeof hireWorker>, { employeeId: string; on: string }>>,
  Expect<Equal<ResultOf<typeof hireWorker>, { account: string; at: string }>>,
  Expect<Equal<(typeof hireWorker)['name'], 'hire-worker'>>,
]

// without an output schema the result is what run returns
const lookUp = defineService({
  name: 'look-up',
  input: z.string(),
  run: async (input) =>
    input === ''
      ? reply({ found: false as const }, { status: 404 })
      : { found: true as const, at: new Date(0) },
})
export type LookUp = [
  Expect<Equal<InputOf<typeof lookUp>, string>>,
  Expect<Equal<ResultOf<typeof lookUp>, { found: false } | { found: true; at: string }>>,
]

// apart from its handler
const declared = defineService({
  name: 'apart',
  input: z.string(),
  output: z.string().transform((text) => text.length),
})
const handled = declared.run((input) => input.trim())
const untyped = defineService({ name: 'untyped', input: z.string() })
const typed = untyped.run(async (input) => ({ input, at: new Date(0) }))
export type Apart = [
  Expect<Equal<ResultOf<typeof declared>, number>>,
  Expect<Equal<ResultOf<typeof handled>, number>>,
  Expect<Equal<ResultOf<typeof untyped>, unknown>>,
  Expect<Equal<ResultOf<typeof typed>, { input: string; at: string }>>,
]

export function refuseWrongOptions(): unknown[] {
  return [
    // @ts-expect-error the output does not fit
    defineService({ name: 'a', input: z.string(), output: z.string(), run: () => 1 }),
    // @ts-expect-error nor in a reply
    defineService({ name: 'a', input: z.string(), output: z.string(), run: async () => reply(1) }),
    // @ts-expect-error nor of the handler that comes apart
    declared.run(() => 1),
    // @ts-expect-error unknown option
    defineService({ name: 'a', input: z.string(), tracking: 'all', run: () => 1 }),
    // @ts-expect-error unknown choice
    defineService({ name: 'a', input: z.string(), execution: 'later', run: () => 1 }),
    // @ts-expect-error a Problem needs its code
    new Problem({ status: 409, detail: 'Hired' }),
  ]
}

// an application knows its definitions
const provision = defineQueueProcessor({ name: 'provision', input: z.string(), process: () => 1 })
const below = defineApplication({ name: 'below', definitions: [lookUp] })
const hr = defineApplication({ name: 'hr', definitions: [provision, hireWorker, declared], uses: [below] })
type Known = NonNullable<(typeof hr)[' definitions']>
export type Application = [
  Expect<Equal<(typeof hr)['name'], 'hr'>>,
  Expect<Equal<Known['own'], readonly [typeof provision, typeof hireWorker, typeof declared]>>,
  Expect<Equal<Known['uses'], readonly [typeof below]>>,
  Expect<Equal<InputOf<Known['own'][0]>, string>>,
]

export function refuseWrongApplications(): unknown[] {
  return [
    // @ts-expect-error an application goes into uses
    defineApplication({ name: 'a', definitions: [below] }),
    // @ts-expect-error a definition goes into definitions
    defineApplication({ name: 'a', definitions: [], uses: [provision] }),
    // @ts-expect-error no definitions
    defineApplication({ name: 'a' }),
  ]
}

test('a service and an application are typed from end to end', () => {
  assert.deepEqual(
    [hireWorker.kind, lookUp.name, handled.name, typed.name, hr.name],
    ['service', 'look-up', 'apart', 'untyped', 'hr'],
  )
  assert.equal(refuseWrongOptions().length + refuseWrongApplications().length, 9)
})
