import { z } from 'zod'
import { defineApplication, defineService } from '../../src/define/define.ts'

const echo = defineService({
  name: 'echo',
  input: z.object({ text: z.string() }),
  run: ({ text }, ctx) => {
    ctx.log('heard', { text })
    return { text }
  },
})
/** Runs on when it is told to stop. */
const hang = defineService({
  name: 'hang',
  input: z.object({}),
  run: () => new Promise<null>(() => undefined),
})

export const applications = [defineApplication({ name: 'cli', definitions: [echo, hang] })]
