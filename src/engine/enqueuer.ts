import { CoatcheckError } from '../base/errors.ts'
import type { QueueItemId } from '../base/ids.ts'
import { showValue } from '../base/shown-value.ts'
import { closestName } from '../base/suggestion.ts'
import type { EnqueueOptions } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import type { RequestContext } from '../define/item.ts'
import { checkOptionNames } from './accept-options.ts'
import { delayedRow } from './accept.ts'
import { AppendBatch } from './append-batch.ts'
import type { DatabaseClock } from './database-clock.ts'
import { checkRoom, type Gathered } from './gathered.ts'
import { moveItems } from './place-again.ts'
import { prepare } from './prepare.ts'
import { chooseQueue } from './queue-choice.ts'
import type { Topology } from './topology.ts'

/** Enqueues for handlers: into what their settle carries. */
export class Enqueuer {
  readonly #definitions: ReadonlyMap<string, Definition>
  readonly #topology: Topology
  readonly #clock: DatabaseClock

  constructor(definitions: ReadonlyMap<string, Definition>, topology: Topology, clock: DatabaseClock) {
    this.#definitions = definitions
    this.#topology = topology
    this.#clock = clock
  }

  gather(): Gathered {
    const rows = new AppendBatch(this.#topology, this.#clock.now())
    return { rows, delayed: [], delayedSize: 0, counts: new Map() }
  }

  /**
   * The partitions have changed: what was gathered goes to those that are there now, with the ids that the handler knows.
   * @param topology as the transaction sees it that this goes with
   */
  move(gathered: Gathered, topology: Topology): void {
    gathered.moved = moveItems(gathered.rows, topology, this.#clock.now())
  }

  /** As `move`, for what goes with a settle. */
  async moveAll(all: readonly Gathered[]): Promise<void> {
    await this.#topology.refresh()
    for (const gathered of all) this.move(gathered, this.#topology)
  }

  /** @param checkOpen throws where nothing more can be gathered */
  async enqueue(
    gathered: Gathered,
    target: { readonly kind: string; readonly name: string },
    input: unknown,
    options: EnqueueOptions,
    context: RequestContext,
    checkOpen: () => void,
  ): Promise<QueueItemId> {
    checkOptionNames(options)
    if ('tx' in options)
      throw new CoatcheckError(
        'OPTION_INVALID',
        'tx cannot be used in ctx.enqueue, which commits with the attempt; use node.enqueue',
      )
    for (const name of ['uniqueKey', 'debounce'] as const)
      if (options[name] !== undefined)
        throw new CoatcheckError(
          'OPTION_INVALID',
          `${name} cannot be used in ctx.enqueue: whether the key is new is known only when the attempt is settled. Use node.enqueue, or let the handler decide`,
        )
    const definition = findDefinition(this.#definitions, target)
    const prepared = await prepare(definition, input, options, context)
    checkOpen()
    checkRoom(gathered, prepared.text.length, prepared.due !== undefined)
    const queue = chooseQueue(this.#topology, prepared)
    gathered.counts.set(queue.number, (gathered.counts.get(queue.number) ?? 0) + 1)
    if (!prepared.due) return gathered.rows.put(queue, prepared.key, prepared.text)
    const { item, id } = delayedRow(this.#topology, queue, prepared, this.#clock.now())
    gathered.delayed.push(item)
    gathered.delayedSize += item.length
    return id
  }
}

/**
 * The definition that a reference means in this application stack.
 * @throws CoatcheckError `UNKNOWN_PROCESSOR`
 */
export function findDefinition(
  definitions: ReadonlyMap<string, Definition>,
  target: { readonly kind: string; readonly name: string },
): Definition {
  if (typeof target?.name !== 'string')
    throw new CoatcheckError(
      'OPTION_INVALID',
      `the first argument of enqueue is ${showValue(target)}; give the definition itself, as defineQueueProcessor or defineService made it (undefined is often a circular import)`,
    )
  const { name } = target
  const found = definitions.get(target?.kind === 'service' ? `service:${name}` : name)
  if (found) return found
  const names = [...definitions.values()].map((definition) => definition.name)
  const closest = closestName(name, names)
  throw new CoatcheckError(
    'UNKNOWN_PROCESSOR',
    `there is no ${target?.kind === 'service' ? 'service' : 'queue processor'} "${name.slice(0, 80)}" in the applications of this node${closest ? `; did you mean "${closest}"?` : '; add its definition to one of them'}`,
  )
}
