import { CoatcheckError } from '../base/errors.ts'
import type { Definition } from '../define/definition.ts'
import type { Item } from '../define/item.ts'
import { callbackDefinition } from '../engine/callback-item.ts'
import type { Caller } from './caller.ts'

type Definitions = ReadonlyMap<string, Definition>

/**
 * Whether what became of an item is hidden from a caller that may see it: where its definition names secret places, that is for
 * whoever handed it over and for administrators. A handler may say again what it was given.
 */
export function isHiddenFrom(caller: Caller, item: Item, definitions: Definitions): boolean {
  if (caller.kind === 'local' || caller.roles.includes('administrator')) return false
  if (item.context.caller === caller.id) return false
  return mayHoldSecrets(definitionOf(item), definitions)
}

/**
 * Lets a caller through that wants the result of an item which it may see.
 * @throws CoatcheckError `FORBIDDEN`
 */
export function checkMayReadResult(
  caller: Caller,
  item: Item,
  definitions: Definitions,
  basePath: string,
): void {
  if (!isHiddenFrom(caller, item, definitions)) return
  throw new CoatcheckError(
    'FORBIDDEN',
    `${caller.name} may see item ${item.id} but not its result, which may hold what is secret; that is for whoever handed it over and for administrators, and ${basePath}/operate/items/${item.id} shows it without what is secret`,
  )
}

/** Of a definition that is not known here nobody can say what is secret. */
function mayHoldSecrets(definition: unknown, definitions: Definitions): boolean {
  const known = typeof definition === 'string' ? definitions.get(definition) : undefined
  return known?.secret === undefined ? known === undefined : known.secret.length > 0
}

/** The id of the one whose secrets it may hold; a callback holds what became of another item. */
function definitionOf({ kind, processor, input }: Item): unknown {
  if (kind === 'service') return `service:${processor}`
  if (processor !== callbackDefinition.id) return processor
  return (input as { ending?: { definition?: unknown } } | null)?.ending?.definition
}
