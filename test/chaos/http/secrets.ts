import { z } from 'zod'
import type { HandlerContext } from '../../../src/define/context.ts'
import {
  defineApplication,
  defineQueueProcessor,
  defineService,
  Problem,
  Reject,
} from '../../../src/index.ts'
import { seededRandom } from '../seeded-random.ts'
import { makeShapes } from './canaries.ts'

/** What a node is called that items take down. */
export const crashing = 'crashing'

/** Where secrets stand is the same whatever they are. */
const secret = makeShapes(seededRandom(0)).map(({ pointer }) => pointer)

const input = z.looseObject({
  what: z.enum(['succeed', 'retry', 'reject', 'throw', 'crash', 'problem']),
  nr: z.int().default(-1),
})
type Input = z.infer<typeof input>

/** Whether this process is one that such an item takes down. */
const crashes = process.argv[2]?.includes(`"name":"${crashing}"`) ?? false

/** Repeats what it was given wherever it can, and does what it says. */
async function repeat(given: Input, ctx: HandlerContext): Promise<unknown> {
  const { what, nr: _, ...rest } = given
  const texts = textsIn(rest)
  for (const text of texts) ctx.log(`it is ${text}, is it not`, { text, also: [`a ${text} b`] })
  ctx.log(texts.join(' '), rest)
  ctx.progress({ texts: texts.slice(0, 10), at: texts[0] })
  const sentence = `no ${texts.join(', ')}`
  if (what === 'crash' && crashes) process.exit(1)
  if (what === 'problem') throw new Problem({ status: 422, code: 'NO', detail: sentence })
  if (what === 'reject') throw new Reject(sentence)
  if (what === 'throw' || (what === 'retry' && ctx.attempt === 1))
    throw Object.assign(new Error(sentence, { cause: new Error(texts.at(-1)) }), {
      input: rest,
      stack: sentence,
    })
  return { ...rest, texts }
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

const retry = { maxAttempts: 2, initialDelay: '100 ms' } as const

export const guard = defineQueueProcessor({
  name: 'guard',
  input,
  secret,
  retry,
  onBroken: 'block',
  dedicated: { partitions: 2 },
  key: (given) => {
    const secretPart = given['word'] ?? given['whole'] ?? given['list'] ?? null
    return JSON.stringify([given.nr, secretPart]).slice(0, 200)
  },
  process: repeat,
})
const keep = defineService({ name: 'keep', input, secret, retry, run: repeat })
const ask = defineService({ name: 'ask', input, secret, execution: 'immediate', run: repeat })
/** Takes none of them: what it says of that is looked at. */
const strict = defineService({
  name: 'strict',
  input: z.record(z.string(), z.union([z.literal('nothing'), z.array(z.number().max(1)), z.number().max(1)])),
  execution: 'immediate',
  run: () => 'taken',
})

export const secrets = defineApplication({ name: 'secrets', definitions: [guard, keep, ask, strict] })
