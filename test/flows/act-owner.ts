import { z } from 'zod'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode } from '../../src/node.ts'

/** A node as a process: prints each item that it starts. An item that says `blocks` never ends. */

export const step = defineQueueProcessor({
  name: 'step',
  input: z.object({ key: z.string(), what: z.string() }),
  key: ({ key }) => key,
  concurrency: 10,
  process: async ({ what }) => {
    process.stdout.write(`${what}\n`)
    if (what === 'blocks') await new Promise(() => {})
  },
})

export const app = defineApplication({ name: 'acts', definitions: [step] })

if (import.meta.main) {
  const [database, schema] = process.argv.slice(2)
  const node = await createNode({
    applications: [app],
    http: false,
    ...(database === undefined ? {} : { database }),
    ...(schema === undefined ? {} : { schema }),
  })
  await node.start()
  process.stdout.write('started\n')
}
