import { z } from 'zod'
import { defineApplication, defineService, Problem, type HandlerContext, type Node } from '../../src/index.ts'
import { lock, readUnlocked, unlock, write } from './work-objects.ts'

const update = z.object({
  id: z.string().meta({ examples: ['C-1'] }),
  status: z.string().meta({ examples: ['resolved'] }),
})

/**
 * Services that update work objects, and that lock them as a person would who has one open.
 * @param node where they will run, and the table is
 */
export function createApplication(node: () => Node) {
  async function run({ id, status }: z.output<typeof update>, ctx: HandlerContext) {
    const { version } = await readUnlocked(node(), id)
    const updated = { id, status, version: version + 1, lockedBy: null }
    // commits with the success of the request, exactly once, however often it was tried
    ctx.atCommit((tx) => write(tx, updated))
    return { id, status, version: updated.version }
  }

  const common = {
    input: update,
    output: update.extend({ version: z.int() }),
    // queued updates of one work object run one after the other, in the order they came in, of either service
    key: ({ id }: z.output<typeof update>) => id,
    orderGroup: 'work-object',
    // people lock for minutes: soon again, then every ten seconds, for a quarter of an hour
    retry: { maxAttempts: 100, initialDelay: '1 second', factor: 1.5, maxDelay: '10 seconds' },
    run,
  } as const

  /** Sync, then queue: answers at once, unless somebody has the work object open. */
  const updateWorkObject = defineService({
    name: 'update-work-object',
    execution: 'immediate',
    // whatever else went wrong would go wrong again: its caller is told now
    queueWhen: ({ code }) => code === 'WORK_OBJECT_LOCKED',
    ...common,
  })

  /** Async: the same work, always queued. */
  const updateWorkObjectLater = defineService({
    name: 'update-work-object-later',
    execution: 'queue',
    ...common,
  })

  const updates: readonly string[] = [updateWorkObject.name, updateWorkObjectLater.name]

  /** For callers who hold nothing but the queue item id. */
  const getUpdateResult = defineService({
    name: 'get-update-result',
    input: z.object({ queueItemId: z.uuid() }),
    execution: 'immediate',
    respondAsync: false,
    async run({ queueItemId }, { context }) {
      const item = await node().item(queueItemId)
      // `node.item` shows any item: this service shows updates, each to whoever asked for it
      if (!item || !updates.includes(item.processor) || item.context.caller !== context.caller)
        throw new Problem({
          status: 404,
          code: 'UPDATE_UNKNOWN',
          detail: `There is no update ${queueItemId}`,
        })
      const { state, attempts, result, error } = item
      // an error may be left of an attempt before the one that went well
      const lastError = state === 'succeeded' ? undefined : error?.code
      return { queueItemId, state, attempts, result, lastError }
    },
  })

  const lockWorkObject = defineService({
    name: 'lock-work-object',
    input: z.object({ id: z.string(), by: z.string().min(1) }),
    execution: 'immediate',
    respondAsync: false,
    run: ({ id, by }) => lock(node(), id, by),
  })

  const unlockWorkObject = defineService({
    name: 'unlock-work-object',
    input: z.object({ id: z.string() }),
    execution: 'immediate',
    respondAsync: false,
    run: ({ id }) => unlock(node(), id),
  })

  return defineApplication({
    name: 'cases',
    definitions: [updateWorkObject, updateWorkObjectLater, getUpdateResult, lockWorkObject, unlockWorkObject],
  })
}
