import { parseItemId, rowIdOf } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import type { CancelReason, Item, ItemLogEntry, ItemState, RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import { lookUpItem, readItemLog, type ItemRow } from '../store/items.ts'
import type { ReplyHead, Standing } from './face.ts'
import type { Topology } from './topology.ts'

/** Looks items up by their ids, in any state, from any node. */
export class Lookup {
  readonly #database: OpenDatabase
  readonly #topology: Topology
  readonly #definitions: ReadonlyMap<string, Definition>

  constructor(database: OpenDatabase, topology: Topology, definitions: ReadonlyMap<string, Definition>) {
    this.#database = database
    this.#topology = topology
    this.#definitions = definitions
  }

  /** @throws CoatcheckError `ITEM_ID_INVALID` */
  async standing(given: string): Promise<Standing | undefined> {
    const { queue, index } = parseItemId(given)
    const id = given.toLowerCase()
    const row = await lookUpItem(this.#database.driver, this.#database.schema, id, rowIdOf(id), index)
    // In the log, done, and nowhere else: its queue keeps only what failed.
    if (!row || row.state === 'gone') return undefined
    await this.#topology.load()
    return {
      item: this.#toItem(id, queue, row),
      reply: row.reply === null ? undefined : (JSON.parse(row.reply) as ReplyHead),
    }
  }

  async log(given: string): Promise<ItemLogEntry[]> {
    parseItemId(given)
    const rows = await readItemLog(this.#database.driver, this.#database.schema, given.toLowerCase())
    return rows.map((row) => ({
      at: new Date(row.at),
      attempt: row.attempt,
      event: row.event,
      message: row.message,
      ...(row.data === null ? {} : { data: JSON.parse(row.data) as unknown }),
    }))
  }

  #toItem(id: string, queue: number, row: ItemRow): Item {
    const isService = row.definition.startsWith('service:')
    const result = parseJson(row.result)
    return {
      id,
      state: row.state as ItemState,
      processor: isService ? row.definition.slice('service:'.length) : row.definition,
      kind: isService ? 'service' : 'queue-processor',
      application: this.#definitions.get(row.definition)?.application ?? '',
      queue: this.#topology.byNumber(queue)?.name ?? String(queue),
      key: row.key,
      attempts: row.attempts,
      // Merged rows keep a JSON null as no text at all; without an input there is no item.
      input: parseJson(row.input) ?? null,
      ...(result === undefined ? {} : { result }),
      ...(row.failure === null ? {} : { error: JSON.parse(row.failure) as FailureRecord }),
      ...(row.reason === null ? {} : { reason: row.reason as CancelReason }),
      ...(row.progress === null ? {} : { progress: parseJson(row.progress) }),
      context: (parseJson(row.context) as RequestContext | undefined) ?? {},
      enqueuedAt: new Date(row.enqueuedAt),
      ...(row.startedAt === null ? {} : { startedAt: new Date(row.startedAt) }),
      ...(row.endedAt === null ? {} : { endedAt: new Date(row.endedAt) }),
      ...(row.dueAt === null ? {} : { dueAt: new Date(row.dueAt) }),
    }
  }
}

function parseJson(text: string | null): unknown {
  return text === null ? undefined : (JSON.parse(text) as unknown)
}

/** Whether the item has ended: nothing more happens to it by itself. */
export function hasEnded(state: ItemState): boolean {
  return state === 'succeeded' || state === 'broken' || state === 'cancelled'
}
