import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { parseItemId } from '../base/ids.ts'
import type { Engine } from '../engine/engine.ts'
import { readBlockedPage } from '../store/blocked-pages.ts'
import { readBrokenGroups } from '../store/broken-groups.ts'
import { pageOf, pageQuery, readCursor } from './cursor.ts'
import { SeenItems } from './items.ts'
import { checkSeesAll } from './operator.ts'
import { nameOf } from './queue-document.ts'
import { queueNamed } from './queue-routes.ts'
import { hidden, mayHide } from './redaction.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'

const itemRef = z.object({ id: z.string(), processor: z.string(), state: z.string(), key: z.string() })

/** Groups that are looked through. */
const maxGroups = 500

/** What is broken, by what it has in common, and which keys it blocks. */
export function brokenRoutes(engine: Engine): OperatorRoute[] {
  const { database, definitions, figures } = engine
  const { driver, schema } = database
  return [
    defineRoute({
      method: 'GET',
      path: '/broken',
      role: 'observer',
      summary:
        'Broken items by what they have in common: processor, code and sentence; the largest groups first.',
      query: z.object({
        queue: z.string().max(200).optional(),
        processor: z.string().max(200).optional().describe('The name of a queue processor or a service'),
      }),
      output: z.object({
        items: z.array(
          z.object({
            fingerprint: z.string().describe('Finds its items: /items?fingerprint='),
            processor: z.string(),
            queue: z.string(),
            code: z.string(),
            message: z
              .string()
              .describe('Without what differs from item to item; ••• where it may hold what is secret'),
            count: z.number(),
            isAtLeast: z.boolean().describe('It was counted to 1,000'),
            firstAt: z.date(),
            lastAt: z.date(),
            sample: z.string().describe('The id of the one that was broken last'),
          }),
        ),
        isCut: z.boolean().describe('There are more than these 500 groups'),
      }),
      handle: async ({ operator, query }) => {
        checkSeesAll(operator)
        const { processor } = query
        const queue = query.queue === undefined ? undefined : queueNamed(await figures.read(), query.queue)
        if (processor?.includes('\0')) return { items: [], isCut: false }
        // A service and a queue processor may have the same name, and this node may know neither.
        const named = processor === undefined ? undefined : [processor, `service:${processor}`]
        const { groups, isCut } = await readBrokenGroups(driver, schema, queue?.queue, named, maxGroups)
        return {
          items: groups.map(({ definition, firstAt, lastAt, ...group }) => ({
            ...group,
            // A digest of the sentence would tell a good guess: one of its items stands for the group.
            ...(mayHide(operator, definitions, definition) && { message: hidden, fingerprint: group.sample }),
            processor: nameOf(definition).name,
            firstAt: new Date(firstAt),
            lastAt: new Date(lastAt),
          })),
          isCut,
        }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/queues/:name/blocked-keys',
      role: 'observer',
      summary: 'Keys of a queue that broken items block, and how much waits behind each.',
      query: z.object(pageQuery),
      output: z.object({
        items: z.array(
          z.object({
            key: z.string(),
            processor: z.string(),
            item: itemRef,
            since: z.date(),
            error: z.object({ code: z.string(), message: z.string() }),
            waiting: z.number(),
            isAtLeast: z.boolean().describe('It was counted to 100'),
          }),
        ),
        next: z.string().optional(),
      }),
      handle: async ({ operator, params, query }) => {
        checkSeesAll(operator)
        const queue = queueNamed(await figures.read(), params['name'])
        const after = readId(query.cursor)
        const rows = await readBlockedPage(driver, schema, queue.queue, after, query.limit + 1)
        const { items, next } = pageOf(
          rows.map((row) => ({ ...row, place: '0' })),
          query.limit,
        )
        const seen = await new SeenItems({ database, road: engine }, operator).rows(items.map(({ id }) => id))
        const shown = new Map(seen.map((row) => [row.id, row] as const))
        return {
          items: items.flatMap(({ id, since, waiting, isAtLeast }) => {
            const row = shown.get(id)
            // Meanwhile it may have been requeued, or be gone.
            if (row?.state !== 'broken' || !row.error || row.key === null) return []
            const { processor, state, key, error } = row
            return {
              key,
              processor,
              item: { id, processor, state, key },
              since: new Date(since),
              error,
              waiting,
              isAtLeast,
            }
          }),
          ...(next !== undefined && { next }),
        }
      },
    }),
  ]
}

function readId(cursor: string | undefined): string | undefined {
  const id = readCursor(cursor)?.id
  if (id === undefined) return undefined
  try {
    parseItemId(id)
    return id
  } catch (error) {
    if (!isCoatcheckError(error)) throw error
    throw new CoatcheckError('REQUEST_INVALID', 'the cursor is none that a page of this list gave')
  }
}
