import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { defineApplication, defineService, reply } from '../../../src/index.ts'

/** What has run in a process, and how often. */
export interface RunCounts {
  once: number
  answer: number
  smuggled: number
}

/** Bodies that large are read whole before they can be refused for what is in them. */
const maxPayload = '2 MB'

/** The services that the cases over HTTP call, and how often each ran here. */
export function createServices() {
  const counts: RunCounts = { once: 0, answer: 0, smuggled: 0 }
  const once = defineService({
    name: 'once',
    input: z.object({ key: z.string(), n: z.int() }),
    key: ({ key }) => key,
    run: ({ n }) => ({ n, run: ++counts.once }),
  })
  const answer = defineService({
    name: 'answer',
    input: z.object({ key: z.string(), n: z.int() }),
    execution: 'immediate',
    run: async ({ n }) => {
      const token = `${process.pid}-${++counts.answer}`
      // So that a twin comes while it runs.
      await delay(500)
      return { n, token }
    },
  })
  const keep = defineService({
    name: 'keep',
    input: z.any(),
    maxPayload,
    run: (input) => ({ got: input as unknown }),
  })
  const echo = defineService({
    name: 'echo',
    input: z.any(),
    execution: 'immediate',
    maxPayload,
    run: (input) => ({ got: input as unknown }),
  })
  /** Checks each member of what it is given: how long that takes is up to its schema, and how much of it there may be. */
  const list = defineService({
    name: 'list',
    input: z.array(z.int()),
    execution: 'immediate',
    maxPayload: '64 kB',
    run: (numbers) => numbers.length,
  })
  /** Nobody calls it but who hides a request in another one. */
  const smuggled = defineService({
    name: 'smuggled',
    input: z.any(),
    execution: 'immediate',
    run: () => ({ run: ++counts.smuggled }),
  })
  /** Answers with a header that its caller chose. */
  const say = defineService({
    name: 'say',
    input: z.object({ header: z.string() }),
    execution: 'immediate',
    run: ({ header }) => reply({ said: true }, { headers: { 'x-said': header } }),
  })
  const application = defineApplication({
    name: 'chaos',
    definitions: [once, answer, keep, echo, list, smuggled, say],
  })
  return { application, counts }
}
