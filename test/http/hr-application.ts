import { z } from 'zod'
import { defineApplication, defineQueueProcessor, defineService } from '../../src/index.ts'

export const provision = defineQueueProcessor({
  name: 'provision',
  input: z.object({}),
  process: () => 'of the house',
})
const input = z.object({ text: z.string().optional() })
/** Queues, and tells its handler's context. */
const hire = defineService({ name: 'hire', input, run: ({ text }, { context }) => ({ text, context }) })
const ask = defineService({
  name: 'ask',
  input,
  execution: 'immediate',
  run: ({ text }, { context }) => {
    if (text === 'fail') throw new Error('the other side said no')
    return { text, context }
  },
})
/** Only for callers with a role. */
const pay = defineService({
  name: 'pay',
  input,
  execution: 'immediate',
  roles: ['payroll', 'auditor'],
  accessGroup: 'finance',
  run: (_, { context }) => ({ context }),
})
/** For everybody, where the node says so. */
const apply = defineService({ name: 'apply', input, run: () => 'applied' })
export const hr = defineApplication({ name: 'hr', definitions: [hire, ask, pay, apply, provision] })
