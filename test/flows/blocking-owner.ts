import { z } from 'zod'
import { defineApplication, defineQueueProcessor, Reject } from '../../src/define/define.ts'
import { createNode } from '../../src/node.ts'

/** A node as a process: prints each item that it starts. One that says `breaks` is rejected, one that says `kills` ends the process. */

export const step = defineQueueProcessor({
  name: 'step',
  input: z.object({ key: z.string(), what: z.string() }),
  key: ({ key }) => key,
  concurrency: 10,
  onBroken: 'block',
  process: async ({ what }) => {
    if (what === 'kills') process.kill(process.pid, 'SIGKILL')
    process.stdout.write(`${what}\n`)
    if (what === 'breaks') throw new Reject('no')
  },
})

export const app = defineApplication({ name: 'blocking', definitions: [step] })

if (import.meta.main) {
  const [database, schema] = process.argv.slice(2)
  const node = await createNode({
    applications: [app],
    http: false,
    log: false,
    ...(database === undefined ? {} : { database }),
    ...(schema === undefined ? {} : { schema }),
  })
  await node.start()
  process.stdout.write('started\n')
}
