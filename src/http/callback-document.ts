import type { Definition } from '../define/definition.ts'
import type { Item } from '../define/item.ts'
import type { CallbackInput } from '../engine/callback-item.ts'
import { itemDocument } from './item-document.ts'

interface DocumentSurroundings {
  /** By {@link Definition.id}. */
  readonly definitions: ReadonlyMap<string, Definition>
  /** Prefixes every link. */
  readonly basePath: string
}

/** What a callback says of the item that ended: as `GET /queue-items/{id}` showed it then, and its result. */
export function callbackDocument(
  { ending, result }: CallbackInput,
  endedAt: Date,
  { definitions, basePath }: DocumentSurroundings,
): object {
  const { definition, ranMs, reason, failure, progress, correlationId } = ending
  const isService = definition.startsWith('service:')
  const known = definitions.get(definition)
  const item: Item = {
    id: ending.id,
    state: ending.state,
    processor: isService ? definition.slice('service:'.length) : definition,
    kind: isService ? 'service' : 'queue-processor',
    application: known?.application ?? '',
    queue: known?.queue ?? '',
    key: ending.key ?? null,
    attempts: ending.attempts,
    input: null,
    context: correlationId === undefined ? {} : { correlationId },
    enqueuedAt: new Date(ending.enqueuedAt),
    endedAt,
    ...(ranMs === undefined ? {} : { startedAt: new Date(endedAt.getTime() - ranMs) }),
    ...(reason === undefined ? {} : { reason }),
    ...(failure === undefined ? {} : { error: failure }),
    ...(progress === undefined ? {} : { progress }),
  }
  return {
    ...itemDocument(item, basePath),
    result,
    // there is one, and it is where its link leads
    resultLeftOut: ending.isResultLeftOut,
  }
}
