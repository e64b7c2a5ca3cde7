import { hash } from 'node:crypto'
import { CoatcheckError } from '../base/errors.ts'
import type { Definition } from '../define/definition.ts'
import type { OpenDatabase } from '../store/database.ts'
import { declareDefinitions, readQueues, type QueueRow } from '../store/topology.ts'

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
  #loading: Promise<void> | undefined

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

  async reload(): Promise<void> {
    this.#loading = undefined
    await this.load()
  }

  /** @throws CoatcheckError `UNKNOWN_QUEUE` */
  queueOf(definition: Definition): QueueRow {
    const queue = this.#byName.get(definition.queue)
    if (!queue)
      throw new CoatcheckError(
        'UNKNOWN_QUEUE',
        `The queue "${definition.queue}" of "${definition.name}" is not in the database; start the node, or run "coatcheck migrate"`,
      )
    return queue
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
    const queues = await readQueues(driver, schema)
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
