import type { Item } from '../define/item.ts'
import { findItems } from '../engine/item-search.ts'
import { counted } from './item-schemas.ts'
import type { SeenItems } from './items.ts'
import { z } from './schema.ts'

export const laterItems = z.object({
  succeeded: counted
    .optional()
    .describe('Counted to 100; unset where nobody can know: no key, or not all that succeeds is tracked'),
  processors: z.array(z.string()).describe('Whose items share the order of the key'),
})

const maxCounted = 100
const budgetMs = 200

/** What has succeeded of an item's key since the item was accepted: what is run again now comes after it. */
export async function readLaterItems(items: SeenItems, item: Item): Promise<z.infer<typeof laterItems>> {
  const { database, road } = items.parts
  const all = [...road.definitions.values()]
  const own = all.find(({ kind, name }) => kind === item.kind && name === item.processor)
  const ofKey = all.filter(({ orderScope }) => orderScope === own?.orderScope)
  const processors = ofKey.map(({ name }) => name)
  if (item.key === null || !own || ofKey.some(({ tracking }) => tracking !== 'all')) return { processors }
  const { accessGroup } = items.operator
  const filter = {
    key: item.key,
    definitions: ofKey.map(({ id }) => id),
    states: ['succeeded'],
    ...(accessGroup !== undefined && { accessGroup }),
  }
  const after = { order: 'oldest', after: item.id, limit: maxCounted, budgetMs } as const
  const { ids, next } = await findItems(database, filter, after)
  return { succeeded: { count: ids.length, isAtLeast: next !== undefined }, processors }
}
