import { bulkRoutes } from './bulk-routes.ts'
import { itemActRoutes } from './item-act-routes.ts'
import { itemListRoutes } from './item-list-routes.ts'
import type { ItemParts } from './items.ts'
import type { OperatorRoute } from './route.ts'

/** All that an operator can look up about items and do with them. */
export function itemRoutes(parts: ItemParts): OperatorRoute[] {
  return [...itemListRoutes(parts), ...itemActRoutes(parts), ...bulkRoutes(parts)]
}
