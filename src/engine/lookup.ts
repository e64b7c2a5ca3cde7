import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { parseItemId, rowIdOf } from '../base/ids.ts'
import { queuesOf, type Definition, type Retention } from '../define/definition.ts'
import type { FailureRecord } from '../define/failure.ts'
import {
  hasEnded,
  type CancelReason,
  type Item,
  type ItemLogEntry,
  type ItemState,
  type RequestContext,
} from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readItemLog } from '../store/item-log.ts'
import { limitRetention, lookUpItem, readResultPiece, type ItemRow } from '../store/items.ts'
import type { LargeResult, ReplyHead, Standing, StandingOptions } from './face.ts'
import type { Topology } from './topology.ts'
import type { Waiters } from './waiters.ts'

/** Whoever lost the answer can ask again for so long. */
const retrievedMs = 900_000

/** Characters of a large result that are read at once, at least. Each time the database takes the whole out of its storage: so in few pieces. */
const leastPiece = 1_048_576
const mostPieces = 8

/** Looks items up by their ids, in any state, from any node. */
export class Lookup {
  readonly #database: OpenDatabase
  readonly #topology: Topology
  readonly #definitions: ReadonlyMap<string, Definition>
  readonly #events: Events

  constructor(
    database: OpenDatabase,
    topology: Topology,
    definitions: ReadonlyMap<string, Definition>,
    events: Events,
  ) {
    this.#database = database
    this.#topology = topology
    this.#definitions = definitions
    this.#events = events
  }

  /** @throws CoatcheckError `ITEM_ID_INVALID` */
  async standing(given: string, maxBytes = Infinity): Promise<Standing | undefined> {
    const { queue, index } = parseItemId(given)
    const id = given.toLowerCase()
    const { driver, schema } = this.#database
    const row = await lookUpItem(driver, schema, id, rowIdOf(id), index, maxBytes)
    // In the log, done, and nowhere else: its queue keeps only what failed.
    if (!row || row.state === 'gone') return undefined
    await this.#topology.load()
    return {
      item: this.#toItem(id, queue, row),
      reply: row.reply === null ? undefined : (JSON.parse(row.reply) as ReplyHead),
      ...(row.result === null &&
        row.resultBytes !== null && { largeResult: this.#largeResult(id, row.resultBytes) }),
      isOver: row.state === 'broken' && row.expired,
      onRetrieved: this.#definitions.get(row.definition)?.retention.untilRetrieved
        ? () => this.#retrieved(id)
        : undefined,
    }
  }

  /** An item, after waiting until it has ended or the time is over. */
  async untilEnded(id: string, waiters: Waiters, options: StandingOptions): Promise<Standing | undefined> {
    const until = performance.now() + (options.waitMs ?? 0)
    for (;;) {
      const found = await this.standing(id, options.maxBytes)
      const leftMs = until - performance.now()
      if (!found || hasEnded(found.item) || leftMs <= 0 || options.signal?.aborted) return found
      await waiters.wait(id.toLowerCase(), leftMs, options.signal)
    }
  }

  /** Whether a missing item may have been there: its queue keeps only failures, or its retention is over. */
  mayHaveExpired(id: string, now: number): boolean {
    const { queue, milliseconds } = parseItemId(id)
    const name = this.#topology.byNumber(queue)?.name
    const ageMs = now - milliseconds
    return [...this.#definitions.values()].some(
      (definition) =>
        name !== undefined &&
        queuesOf(definition).includes(name) &&
        ageMs > 0 &&
        (definition.tracking === 'failures' || ageMs > shortestMs(definition.retention)),
    )
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

  #largeResult(id: string, bytes: number): LargeResult {
    const { driver, schema } = this.#database
    const pieceLength = Math.max(leastPiece, Math.ceil(bytes / mostPieces))
    return {
      bytes,
      async *read() {
        for (let from = 1, isMore = true; isMore; from += pieceLength) {
          const piece = await readResultPiece(driver, schema, id, from, pieceLength)
          if (!piece) throw new CoatcheckError('ITEM_EXPIRED', `item ${id} went while its result was read`)
          yield piece.text
          isMore = piece.isMore
        }
      },
    }
  }

  /** From now on its result is kept for 15 minutes at most. */
  async #retrieved(id: string): Promise<void> {
    try {
      await limitRetention(this.#database.driver, this.#database.schema, id, retrievedMs)
    } catch (error) {
      this.#events.emit('problem', { where: 'retrieval', error })
    }
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
      // what succeeded may have failed before: its log tells
      ...(row.failure === null || row.state === 'succeeded'
        ? {}
        : { error: JSON.parse(row.failure) as FailureRecord }),
      ...(row.reason === null ? {} : { reason: row.reason as CancelReason }),
      ...(row.progress === null ? {} : { progress: parseJson(row.progress) }),
      context: (parseJson(row.context) as RequestContext | undefined) ?? {},
      enqueuedAt: new Date(row.enqueuedAt),
      ...(row.startedAt === null ? {} : { startedAt: new Date(row.startedAt) }),
      ...(row.endedAt === null ? {} : { endedAt: new Date(row.endedAt) }),
      ...(row.dueAt === null ? {} : { dueAt: new Date(row.dueAt) }),
      ...(row.heldBy === null ? {} : { heldBy: row.heldBy }),
    }
  }
}

function shortestMs({ succeededMs, cancelledMs, brokenMs, untilRetrieved }: Retention): number {
  return untilRetrieved ? 0 : Math.min(succeededMs, cancelledMs, brokenMs)
}

function parseJson(text: string | null): unknown {
  return text === null ? undefined : (JSON.parse(text) as unknown)
}
