import { hash } from 'node:crypto'
import { CoatcheckError } from '../base/errors.ts'
import { createRowId, itemIdAt, itemsPerRow, type QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import type { Definition } from '../define/definition.ts'
import { limitQueues } from '../store/backlog.ts'
import type { OpenDatabase } from '../store/database.ts'
import { declareDefinitions, declareQueues, readQueues, type QueueRow } from '../store/topology.ts'

/** Where an item goes. */
export interface Place {
  readonly queue: number
  readonly generation: number
  readonly partition: number
}

/** The queues and their partitions, as the database has them; read once and again when an append finds them changed. */
export class Topology {
  readonly #database: OpenDatabase
  readonly #definitions: readonly Definition[]
  readonly #byName = new Map<string, QueueRow>()
  readonly #byNumber = new Map<number, QueueRow>()
  readonly #turns = new Map<number, number>()
  /** By partition: of which millisecond the last id of a delayed item is. */
  readonly #delayed = new Map<number, { readonly row: string; readonly time: number; index: number }>()
  /** Whether `load` has nothing left to do. */
  isLoaded = false
  #loading: Promise<void> | undefined
  #reading: Promise<void> | undefined

  constructor(database: OpenDatabase, definitions: readonly Definition[]) {
    this.#database = database
    this.#definitions = definitions
  }

  /** Makes the node's definitions known and reads the queues, once. A failure is tried again by the next call. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined
      throw error
    })
    return this.#loading
  }

  /** Reads the queues again: their partitions have changed. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /** As somebody's transaction sees it, which may be as it was before. */
  async viewOf(tx: Tx): Promise<Topology> {
    const view = new Topology(this.#database, [])
    view.#enter(await readQueues(tx, this.#database.schema))
    return view
  }

  /** What others say of generations: where one is newer than what is known the queues are read again. */
  async note(seen: readonly { readonly queue: number; readonly generation: number }[]): Promise<void> {
    const isNewer = seen.some(
      ({ queue, generation }) => generation > (this.#byNumber.get(queue)?.generation ?? 0),
    )
    if (isNewer) await this.refresh()
  }

  /** @throws CoatcheckError `UNKNOWN_QUEUE` */
  queueOf(definition: Definition): QueueRow {
    return this.queueNamed(definition.queue, definition)
  }

  /**
   * One of the queues of a definition.
   * @throws CoatcheckError `UNKNOWN_QUEUE`
   */
  queueNamed(name: string, definition: Definition): QueueRow {
    const queue = this.#byName.get(name)
    if (!queue)
      throw new CoatcheckError(
        'UNKNOWN_QUEUE',
        `The queue "${name}" of "${definition.name}" is not in the database; start the node, or run "coatcheck migrate"`,
      )
    return queue
  }

  /** @throws CoatcheckError `UNKNOWN_QUEUE` */
  numberOf(name: string): number {
    const queue = this.#byName.get(name)
    if (!queue)
      throw new CoatcheckError('UNKNOWN_QUEUE', `there is no queue ${JSON.stringify(name.slice(0, 80))}`)
    return queue.number
  }

  byNumber(number: number): QueueRow | undefined {
    return this.#byNumber.get(number)
  }

  /** The partition of a key. Items without one take turns by `turn`: the items of one flush stay together. */
  placeOf(queue: QueueRow, key: string | null, turn: number): Place {
    const offset = key === null ? turn % queue.partitions : hashOf(key) % queue.partitions
    return { queue: queue.number, generation: queue.generation, partition: queue.firstPartition + offset }
  }

  /** A number that rises with each row of unkeyed items, so that the next row goes to the next partition. */
  nextTurn(queue: number): number {
    const turn = (this.#turns.get(queue) ?? Math.floor(Math.random() * 4096)) + 1
    this.#turns.set(queue, turn)
    return turn
  }

  /** Ids for the lane that rise, by partition: what is due at the same moment runs in their order. */
  nextDelayedId({ queue, partition }: Place, now: number): QueueItemId {
    const slot = queue * 4096 + partition
    const last = this.#delayed.get(slot)
    if (last && now <= last.time && ++last.index < itemsPerRow) return itemIdAt(last.row, last.index)
    const time = last && now <= last.time ? last.time + 1 : now
    const row = createRowId(queue, partition, time)
    this.#delayed.set(slot, { row, time, index: 0 })
    return itemIdAt(row, 0)
  }

  async #load(): Promise<void> {
    const { driver, schema } = this.#database
    if (this.#definitions.length > 0) {
      await declareDefinitions(
        driver,
        schema,
        this.#definitions.map((definition) => ({
          id: definition.id,
          application: definition.application,
          queue: definition.queue,
          partitions: definition.partitions,
          keyed: definition.key !== undefined,
          maxPayload: definition.maxPayloadBytes,
        })),
      )
    }
    const choices = this.#definitions.flatMap((definition) => definition.choices ?? [])
    if (choices.length > 0)
      await declareQueues(
        driver,
        schema,
        new Map(choices.map(({ queue, partitions }) => [queue, partitions])),
      )
    const limits = new Map<string, number>()
    for (const { queue, maxWaiting } of [...this.#definitions, ...choices])
      if (maxWaiting !== undefined) limits.set(queue, maxWaiting)
    if (limits.size > 0) await limitQueues(driver, schema, limits)
    await this.#read()
    this.isLoaded = true
  }

  /** Where definitions say another number of partitions than their queues have: in sentences. */
  differences(): string[] {
    const asked = this.#definitions.flatMap((definition) =>
      [...(definition.choices ?? []), definition].map(({ queue, partitionsAsked }) => ({
        name: definition.name,
        queue,
        partitionsAsked,
      })),
    )
    return asked.flatMap(({ name, queue, partitionsAsked }) => {
      const has = this.#byName.get(queue)?.partitions
      if (partitionsAsked === undefined || has === undefined || has === partitionsAsked) return []
      return [
        `${name} says ${partitionsAsked} partitions, its queue "${queue}" has ${has}: to change that run "coatcheck queues partitions ${queue} ${partitionsAsked}"`,
      ]
    })
  }

  async #read(): Promise<void> {
    this.#enter(await readQueues(this.#database.driver, this.#database.schema))
  }

  #enter(queues: readonly QueueRow[]): void {
    for (const queue of queues) {
      this.#byName.set(queue.name, queue)
      this.#byNumber.set(queue.number, queue)
    }
  }
}

/** The first four bytes of the sha256 of a key, as the SQL function `partition_of` takes them. */
export function hashOf(key: string): number {
  return Number.parseInt(hash('sha256', key, 'hex').slice(0, 8), 16)
}
