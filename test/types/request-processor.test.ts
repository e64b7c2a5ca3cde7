import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { RequestContext, RequestProcessor, ServiceRequest } from '../../src/define/define.ts'
import { defineApplication, defineRequestProcessor, defineService } from '../../src/define/define.ts'
import type { Equal, Expect } from './expect.ts'
import { hasType } from './expect.ts'

const plain = defineRequestProcessor({
  name: 'plain',
  queues: [
    {
      queue: 'urgent',
      when: (request) => {
        hasType<unknown>()(request.input)
        hasType<RequestContext>()(request.context)
        hasType<string | null>()(request.key)
        return request.context.accessGroup === 'urgent'
      },
    },
    { queue: 'standard' },
  ],
  keep: { afterSuccess: false, afterFailure: '30 days' },
})

// What its whens need to know of an input, it takes.
const byInput = defineRequestProcessor({
  name: 'by-input',
  queues: [
    { queue: 'urgent', when: ({ input }: ServiceRequest<{ urgent?: boolean }>) => input.urgent === true },
    { queue: 'standard' },
  ],
})

export type Processors = [
  Expect<Equal<typeof plain, RequestProcessor>>,
  Expect<Equal<typeof byInput, RequestProcessor<{ urgent?: boolean }>>>,
]

// These never run: the compiler is the test.
export const wrong = () => [
  defineRequestProcessor({
    name: 'wrong',
    // @ts-expect-error a promise is no answer
    queues: [{ queue: 'urgent', when: async () => true }, { queue: 'standard' }],
  }),
  // @ts-expect-error only false says that it is not kept
  defineRequestProcessor({ name: 'wrong', keep: { afterSuccess: true } }),
  defineService({
    name: 'hire',
    input: z.object({ urgent: z.string() }),
    // @ts-expect-error as the request processor reads it, its input is something else
    requestProcessor: byInput,
    run: () => 1,
  }),
  // @ts-expect-error a service is no request processor
  defineService({ name: 'hire', input: z.object({}), requestProcessor: hire, run: () => 1 }),
]

const hire = defineService({
  name: 'hire',
  input: z.object({ id: z.string(), urgent: z.boolean().default(false) }),
  requestProcessor: byInput,
  run: (input) => input.id,
})
const fire = defineService({ name: 'fire', input: z.string(), requestProcessor: plain, run: (id) => id })
const named = defineService({ name: 'named', input: z.string(), requestProcessor: 'plain', run: (id) => id })

test('request processors go with services of their input into an application', () => {
  const app = defineApplication({ name: 'hr', definitions: [plain, byInput, hire, fire, named] })
  assert.equal(app.name, 'hr')
  assert.deepEqual([plain.kind, byInput.name], ['request-processor', 'by-input'])
})
