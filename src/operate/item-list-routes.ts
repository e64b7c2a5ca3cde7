import { CoatcheckError } from '../base/errors.ts'
import { isItemId, parseItemId } from '../base/ids.ts'
import { itemStates, type ItemState } from '../define/item.ts'
import { countStates, findItems } from '../engine/item-search.ts'
import type { ItemFilter } from '../store/item-filter.ts'
import { readStates } from '../store/item-states.ts'
import { pageQuery } from './cursor.ts'
import { filterMembers } from './item-filter.ts'
import { readItemPage } from './item-page.ts'
import { counted, itemPage, itemRow } from './item-schemas.ts'
import { SeenItems, type ItemParts } from './items.ts'
import { laterItems, readLaterItems } from './later-items.ts'
import { defineRoute, type OperatorRoute } from './route.ts'
import { z } from './schema.ts'

/** How long a page may be looked for; what is found until then is answered, and the operator may go on. */
const budgetMs = 200
const textBudgetMs = 750
/** Of each state so many are counted. */
export const maxCounted = 10_000

/** The time that there is for a filter. */
export function budgetOf({ text }: ItemFilter): number {
  return text === undefined ? budgetMs : textBudgetMs
}

/** So many are told apart, where no index does it. */
const maxTogether = 2_000

type Counts = Partial<Record<ItemState, { readonly count: number; readonly isAtLeast: boolean }>>

/** Lists of items, and one of them with all that is known of it. */
export function itemListRoutes(parts: ItemParts): OperatorRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/items',
      role: 'observer',
      summary: 'Items by a filter, the newest first.',
      query: z.object({ ...filterMembers, ...pageQuery }),
      output: z.object({
        items: z.array(itemRow),
        next: z.string().optional(),
        searchedTo: z
          .date()
          .optional()
          .describe('The search has stopped here, at what was accepted then; it goes on with next'),
      }),
      handle: async ({ query, operator }) => {
        const { cursor, limit, ...given } = query
        const items = new SeenItems(parts, operator)
        const filter = await items.readFilter(given)
        const found = await findItems(parts.database, filter, {
          order: 'newest',
          limit,
          after: readItemCursor(cursor),
          budgetMs: budgetOf(filter),
          keep: items.keep(filter),
        })
        return {
          items: await items.rows(found.ids),
          ...(found.next !== undefined && { next: Buffer.from(found.next).toString('base64url') }),
          ...(found.isCut && found.next !== undefined && { searchedTo: timeOf(found.next) }),
        }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/items/counts',
      role: 'observer',
      summary: 'How many items match, by state; up to 10,000 of each are counted.',
      query: z.object(filterMembers),
      output: z.partialRecord(z.enum(itemStates), counted),
      handle: async ({ query, operator }) => {
        const items = new SeenItems(parts, operator)
        const filter = await items.readFilter(query)
        return isByState(filter) ? countEach(parts, filter) : countTogether(items, filter)
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/items/:id',
      role: 'observer',
      summary: 'An item: what it holds, what happened to it, what can be done with it.',
      output: itemPage,
      handle: ({ params, operator }) => readItemPage(new SeenItems(parts, operator), params['id'] ?? ''),
    }),
    defineRoute({
      method: 'GET',
      path: '/items/:id/later',
      role: 'observer',
      summary: 'How many later items of the key of an item have succeeded.',
      output: laterItems,
      handle: async ({ params, operator }) => {
        const items = new SeenItems(parts, operator)
        return readLaterItems(items, await items.item(params['id'] ?? ''))
      },
    }),
  ]
}

function readItemCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString()
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id
  const detail = 'the cursor is none that a page of this list gave'
  throw new CoatcheckError('REQUEST_INVALID', detail, { errors: [{ detail, pointer: '/cursor' }] })
}

/** The time in an id, or in what lies between two. */
function timeOf(id: string): Date {
  if (isItemId(id)) return new Date(parseItemId(id).milliseconds)
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16))
}

/** What is few comes first: it takes little of the time. */
const countOrder: readonly ItemState[] = [
  'broken',
  'deferred',
  'held',
  'scheduled',
  'running',
  'ready',
  'cancelled',
  'succeeded',
]

/** Whether the indexes tell items of this filter apart by their states. */
function isByState(filter: ItemFilter): boolean {
  const { ids, key, keyPrefix, correlationId, causationId, traceId, caller } = filter
  const { errorCode, fingerprint, text } = filter
  const asked = [
    ids,
    key,
    keyPrefix,
    correlationId,
    causationId,
    traceId,
    caller,
    errorCode,
    fingerprint,
    text,
  ]
  return asked.every((each) => each === undefined)
}

async function countEach({ database }: ItemParts, filter: ItemFilter): Promise<Counts> {
  const states = countOrder.filter((state) => !filter.states || filter.states.includes(state))
  const counts = await countStates(database, filter, states, maxCounted, budgetMs)
  return Object.fromEntries(counts)
}

/** Those that match are looked for once, and then told apart. */
async function countTogether(items: SeenItems, filter: ItemFilter): Promise<Counts> {
  const { driver, schema } = items.parts.database
  const found = await findItems(items.parts.database, filter, {
    order: 'newest',
    limit: maxTogether,
    budgetMs: budgetOf(filter),
    keep: items.keep(filter),
  })
  const states = await readStates(driver, schema, found.ids)
  const isAtLeast = found.next !== undefined
  return Object.fromEntries(
    itemStates
      .filter((state) => !filter.states || filter.states.includes(state))
      .map((state) => [state, { count: states.filter((one) => one === state).length, isAtLeast }]),
  )
}
