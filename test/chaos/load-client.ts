import { appendFileSync, writeFileSync } from 'node:fs'
import type { z } from 'zod'
import { createNode, defineApplication, isCoatcheckError, type Node, type Tx } from '../../src/index.ts'
import type { StateSample } from './check-states.ts'
import type { ItemName } from './history.ts'
import { defineWork, type itemInput, type NodeSettings, type WorkSettings } from './node-process.ts'

export interface LoadSettings {
  readonly work: Omit<WorkSettings, 'concurrency'> & Pick<NodeSettings, 'isPooled'>
  /** Where each submission is written, a JSON array a line: time, outcome, id, key, n. */
  readonly file?: string | undefined
  readonly random?: () => number
}

/** An item that was accepted; both times in milliseconds since 1970. */
export interface Accepted extends ItemName {
  readonly id: string
  /** Just before it was handed over. */
  readonly sentAt: number
  readonly acceptedAt: number
}

type ItemInput = z.infer<typeof itemInput>
export type SendOutcome = 'accepted' | 'refused' | 'unknown'

const itemsAtOnce = 500

/** Enqueues items, numbered by key, and knows which of them it was told to be durable. */
export class LoadClient {
  readonly #node: Node
  readonly #work
  readonly #settings: LoadSettings
  readonly #numbers = new Map<string, number>()
  /** How often a key was given up, since it is not known whether items of it were taken. */
  readonly #generations = new Map<string, number>()
  /** Accepted, and no part of what is checked one by one. */
  #beside = 0
  /** Handed over, and not answered yet; or in a transaction that has not ended, or was rolled back. */
  #undecided = 0
  accepted: Accepted[] = []
  unknown: ItemName[] = []
  /** Why submissions were refused, and how many items each time. */
  readonly refusals = new Map<string, number>()

  private constructor(node: Node, work: ReturnType<typeof defineWork>, settings: LoadSettings) {
    this.#node = node
    this.#work = work
    this.#settings = settings
    if (settings.file) writeFileSync(settings.file, '')
  }

  static async open(database: string, settings: LoadSettings): Promise<LoadClient> {
    const work = defineWork({ ...settings.work, concurrency: 1 })
    const applications = [defineApplication({ name: 'chaos', definitions: [work] })]
    const pooled = settings.work.isPooled ? { preparedStatements: false } : {}
    const node = await createNode({ applications, database, log: false, ...pooled })
    return new LoadClient(node, work, settings)
  }

  get queues(): Node['queues'] {
    return this.#node.queues
  }

  /** Forgets what was accepted so far. */
  begin(): void {
    this.accepted = []
    this.unknown = []
    this.#numbers.clear()
    this.#generations.clear()
  }

  /** Enqueues the next item of a key, whose handler takes so long. */
  async enqueueLong(key: string, ms: number, deaf = false): Promise<void> {
    await this.#send([{ ...this.#number(key), ms, deaf }])
  }

  /** Enqueues so many items of keys `prefix-0` …, in flushes of 500, each until it is taken. */
  async enqueue(items: number, keys: number, prefix: string, delayMs?: number): Promise<void> {
    let left = items
    while (left > 0) {
      const count = Math.min(left, itemsAtOnce)
      if ((await this.send(count, () => this.#anyOf(keys, prefix), { delayMs })) !== 'refused') left -= count
    }
  }

  /** Enqueues so many items at once, each of the key that is told for it. */
  async send(
    items: number,
    keyOf: () => string,
    more: { readonly ms?: number; readonly failing?: number; readonly delayMs?: number | undefined } = {},
  ): Promise<SendOutcome> {
    const { delayMs, ...rest } = more
    return this.#send(
      Array.from({ length: items }, () => ({ ...this.#number(keyOf()), ...rest })),
      delayMs,
    )
  }

  /** Enqueues items in a transaction of the caller's. @returns to be called once that has committed */
  async enqueueIn(tx: Tx, items: number, keyOf: () => string): Promise<() => void> {
    const batch = Array.from({ length: items }, () => this.#number(keyOf()))
    const sentAt = now()
    this.#undecided += items
    const ids = await this.#node.enqueueMany(this.#work, batch, { tx })
    return () => {
      this.#undecided -= items
      this.#note('ok', batch, ids, sentAt)
    }
  }

  /** Enqueues what is no part of what is checked. @returns its ids */
  async enqueueBeside(inputs: readonly ItemInput[]): Promise<string[]> {
    this.#undecided += inputs.length
    const ids = await this.#node.enqueueMany(this.#work, [...inputs])
    this.#undecided -= inputs.length
    this.#beside += inputs.length
    return ids
  }

  /** Somebody else was told that these are durable, of those that were expected. */
  adopt(items: readonly Accepted[]): void {
    this.#undecided -= items.length
    for (const item of items) this.#numbers.set(item.key, Math.max(item.n, this.#numbers.get(item.key) ?? 0))
    this.accepted.push(...items)
  }

  /** What its node says of items, as callers are told it. */
  async look(items: readonly Accepted[]): Promise<StateSample[]> {
    return Promise.all(
      items.map(async ({ id, key, n }) => {
        const item = await this.#node.item(id)
        return { key, n, at: now(), state: item?.state }
      }),
    )
  }

  /** How many items there are at least, of all that were handed over; and at most, where nobody has said what became of some. */
  get known(): { readonly fewest: number; readonly most: number } {
    const fewest = this.accepted.length + this.#beside
    return { fewest, most: fewest + this.unknown.length + this.#undecided }
  }

  /** Somebody else will hand over so many. */
  expect(items: number): void {
    this.#undecided += items
  }

  query(text: string, values?: unknown[]): ReturnType<Node['query']> {
    return this.#node.query(text, values)
  }

  close(): Promise<void> {
    return this.#node.stop()
  }

  #anyOf(keys: number, prefix: string): string {
    return `${prefix}-${Math.floor((this.#settings.random ?? Math.random)() * keys)}`
  }

  #number(base: string): ItemName {
    const generation = this.#generations.get(base) ?? 0
    const key = generation === 0 ? base : `${base}~${generation}`
    const n = (this.#numbers.get(key) ?? 0) + 1
    this.#numbers.set(key, n)
    return { key, n }
  }

  async #send(batch: readonly ItemInput[], delayMs?: number): Promise<SendOutcome> {
    const sentAt = now()
    this.#undecided += batch.length
    try {
      const options = delayMs === undefined ? {} : { delay: `${delayMs} ms` }
      this.#note('ok', batch, await this.#node.enqueueMany(this.#work, batch, options), sentAt)
      return 'accepted'
    } catch (error) {
      if (isCoatcheckError(error, 'OUTCOME_UNKNOWN')) {
        this.#giveUp(batch, sentAt)
        return 'unknown'
      }
      const code = (error as { code?: unknown } | undefined)?.code
      if (typeof code !== 'string') throw error
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + batch.length)
      this.#write('fail', batch, [], sentAt)
      // All or none: their numbers are free again.
      for (const { key, n } of batch.toReversed()) this.#numbers.set(key, n - 1)
      return 'refused'
    } finally {
      this.#undecided -= batch.length
    }
  }

  #note(phase: 'ok', batch: readonly ItemName[], ids: readonly string[], sentAt: number): void {
    const acceptedAt = now()
    for (const [at, { key, n }] of batch.entries())
      this.accepted.push({ key, n, id: ids[at] as string, sentAt, acceptedAt })
    this.#write(phase, batch, ids, acceptedAt)
  }

  /** They may come yet, among later ones of their keys: no more of those, so that the order stays known. */
  #giveUp(batch: readonly ItemName[], at: number): void {
    this.unknown.push(...batch.map(({ key, n }) => ({ key, n })))
    for (const base of new Set(batch.map(({ key }) => key.split('~')[0] as string)))
      this.#generations.set(base, (this.#generations.get(base) ?? 0) + 1)
    this.#write('info', batch, [], at)
  }

  #write(
    phase: 'ok' | 'fail' | 'info',
    batch: readonly ItemName[],
    ids: readonly string[],
    at: number,
  ): void {
    if (!this.#settings.file) return
    const lines = batch.map(
      ({ key, n }, index) =>
        `${JSON.stringify([Math.round(at * 100) / 100, phase, ids[index] ?? null, key, n])}\n`,
    )
    appendFileSync(this.#settings.file, lines.join(''))
  }
}

function now(): number {
  return performance.timeOrigin + performance.now()
}
