import type { z } from 'zod'
import { createNode, defineApplication, isCoatcheckError, type Node } from '../../src/index.ts'
import type { ItemName } from './history.ts'
import { defineWork, type itemInput } from './node-process.ts'

export interface Standing {
  /** Accepted items that the database does not call succeeded. */
  readonly open: number
  /** Accepted items that have succeeded and had another number of attempts than one. */
  readonly tried: number
}

const itemsAtOnce = 500

/** Enqueues items, numbered by key, and knows which of them it was told to be durable. */
export class LoadClient {
  readonly #node: Node
  readonly #work
  readonly #numbers = new Map<string, number>()
  accepted: ItemName[] = []
  unknown: ItemName[] = []
  #ids: string[] = []

  private constructor(node: Node, work: ReturnType<typeof defineWork>) {
    this.#node = node
    this.#work = work
  }

  static async open(database: string, partitions: number): Promise<LoadClient> {
    const work = defineWork({ partitions, concurrency: 1 })
    const applications = [defineApplication({ name: 'chaos', definitions: [work] })]
    return new LoadClient(await createNode({ applications, database }), work)
  }

  /** Forgets what was accepted so far. */
  begin(): void {
    this.accepted = []
    this.unknown = []
    this.#ids = []
    this.#numbers.clear()
  }

  /** Enqueues the next item of a key, whose handler takes so long. */
  async enqueueLong(key: string, ms: number, deaf = false): Promise<void> {
    await this.#send([{ ...this.#number(key), ms, deaf }])
  }

  /** Enqueues so many items of keys `prefix-0` …, in flushes of 500. */
  async enqueue(items: number, keys: number, prefix: string): Promise<void> {
    let left = items
    while (left > 0) {
      const batch = Array.from({ length: Math.min(left, itemsAtOnce) }, () =>
        this.#number(`${prefix}-${Math.floor(Math.random() * keys)}`),
      )
      if (await this.#send(batch)) left -= batch.length
    }
  }

  /** What the database says of the accepted items. */
  async standing(): Promise<Standing> {
    const { rows } = await this.#node.query(
      `select
         count(*) filter (where t.state is distinct from 'succeeded')::int as open,
         count(*) filter (where t.attempts <> 1)::int as tried
       from unnest($1::uuid[]) as i(id) left join coatcheck.tracked_item t using (id)`,
      [this.#ids],
    )
    return rows[0] as Standing
  }

  query(text: string, values?: unknown[]): ReturnType<Node['query']> {
    return this.#node.query(text, values)
  }

  close(): Promise<void> {
    return this.#node.stop()
  }

  #number(key: string): ItemName {
    const n = (this.#numbers.get(key) ?? 0) + 1
    this.#numbers.set(key, n)
    return { key, n }
  }

  async #send(batch: readonly z.infer<typeof itemInput>[]): Promise<boolean> {
    try {
      this.#ids.push(...(await this.#node.enqueueMany(this.#work, batch)))
      this.accepted.push(...batch)
      return true
    } catch (error) {
      if (isCoatcheckError(error, 'OUTCOME_UNKNOWN')) {
        this.unknown.push(...batch)
        return true
      }
      // All or none: their numbers are free again.
      if (!isCoatcheckError(error, 'DATABASE_UNREACHABLE')) throw error
      for (const { key, n } of batch.toReversed()) this.#numbers.set(key, n - 1)
      return false
    }
  }
}
