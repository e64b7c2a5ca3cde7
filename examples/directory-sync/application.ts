import { z } from 'zod'
import { defineApplication, defineQueueProcessor, defineService } from '../../src/index.ts'
import type { Partner } from './partner.ts'
import { newRelease, oldRelease, readRecord } from './records.ts'
import { storeAnswer } from './run.ts'

export const concurrency = 50

/**
 * What this node does: keeps the partner in step with the directory, and looks subdivisions up at the partner.
 * @param worker who worked on an item, for the summary
 */
export function createApplication(partner: Partner, worker: string) {
  /** An item says which record has something new; what it is, the handler reads. */
  const mirrorSubdivision = defineQueueProcessor({
    name: 'mirror-subdivision',
    input: z.object({ code: z.string(), release: z.enum([oldRelease, newRelease]) }),
    // what happens to one record is told in order; different records at once
    key: ({ code }) => code,
    concurrency,
    dedicated: {},
    // the partner stumbles now and then and is well again at once
    retry: { maxAttempts: 10, initialDelay: '250 ms', maxDelay: '30 seconds' },
    timeout: '30 seconds',
    async process(event, ctx) {
      const record = readRecord(event)
      const registration = await partner.tell(event.code, record, ctx.signal)
      // commits with the item's success, exactly once, however often the partner was called
      ctx.atCommit((tx) =>
        storeAnswer(tx, { event, registration, itemId: ctx.item.id, attempt: ctx.attempt, worker }),
      )
      return { reference: registration?.reference ?? null }
    },
  })

  const lookUpSubdivision = defineService({
    name: 'look-up-subdivision',
    input: z.object({ code: z.string().meta({ examples: ['AD-02'] }) }),
    output: z.object({ code: z.string(), name: z.string(), parent: z.string(), reference: z.string() }),
    retry: { maxAttempts: 10, initialDelay: '1 second', maxDelay: '30 seconds' },
    run: ({ code }, ctx) => partner.ask(code, ctx.signal),
  })

  const application = defineApplication({
    name: 'directory-sync',
    definitions: [mirrorSubdivision, lookUpSubdivision],
  })
  return { application, mirrorSubdivision, lookUpSubdivision }
}
