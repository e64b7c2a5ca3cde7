import { z } from 'zod'
import { createNode, defineApplication, defineQueueProcessor, type Receipt } from '../../src/index.ts'

/** What a process is to accept when it is told to: JSON in its first argument. */
export interface AcceptOrder {
  readonly database: string
  readonly uniqueKey: string
  readonly times: number
}

/** The queue processor that both processes and the test know. */
export const once = defineQueueProcessor({ name: 'once', input: z.string(), process: (input) => input })

if (process.argv[1] === import.meta.filename) {
  const { database, uniqueKey, times } = JSON.parse(process.argv[2] ?? '') as AcceptOrder
  const applications = [defineApplication({ name: 'flows', definitions: [once] })]
  const node = await createNode({ applications, database, http: false })
  process.send?.('ready')
  process.once('message', () => {
    const calls = Array.from({ length: times }, () => node.accept(once, 'payload', { uniqueKey }))
    void Promise.all(calls).then(async (receipts: Receipt[]) => {
      await node.stop()
      process.send?.(receipts, () => process.disconnect())
    })
  })
}
