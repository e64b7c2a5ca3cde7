import { appendFileSync, writeFileSync } from 'node:fs'
import type { z } from 'zod'
import { createNode, defineApplication, isCoatcheckError, type Node, type Tx } from '../../src/index.ts'
import { connectAdmin } from './admin.ts'
import type { StateSample } from './check-states.ts'
import type { ItemName } from './history.ts'
import { defineWork, type itemInput, type NodeSettings, type WorkSettings } from './node-process.ts'

export interface Standing {
  /** Accepted items that the database does not call succeeded. */
  readonly open: number
  /** Accepted items that have succeeded and had another number of attempts than one. */
  readonly tried: number
  /** Items that are there more than once: with another id, and the same key and number. */
  readonly twice: number
  /** Accepted items by what the database says of them; `untracked` are those that it does not say anything of yet. */
  readonly byState: Readonly<Record<string, number>>
}

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
  readonly #database: string
  readonly #work
  readonly #settings: LoadSettings
  readonly #numbers = new Map<string, number>()
  /** How often a key was given up, since it is not known whether items of it were taken. */
  readonly #generations = new Map<string, number>()
  accepted: Accepted[] = []
  unknown: ItemName[] = []
  /** Why submissions were refused, and how many items each time. */
  readonly refusals = new Map<string, number>()

  private constructor(
    node: Node,
    database: string,
    work: ReturnType<typeof defineWork>,
    settings: LoadSettings,
  ) {
    this.#node = node
    this.#database = database
    this.#work = work
    this.#settings = settings
    if (settings.file) writeFileSync(settings.file, '')
  }

  static async open(database: string, settings: LoadSettings): Promise<LoadClient> {
    const work = defineWork({ ...settings.work, concurrency: 1 })
    const applications = [defineApplication({ name: 'chaos', definitions: [work] })]
    const pooled = settings.work.isPooled ? { preparedStatements: false } : {}
    const node = await createNode({ applications, database, log: false, ...pooled })
    return new LoadClient(node, database, work, settings)
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
    const ids = await this.#node.enqueueMany(this.#work, batch, { tx })
    return () => this.#note('ok', batch, ids, sentAt)
  }

  /** Enqueues what is no part of what is checked. @returns its ids */
  enqueueBeside(inputs: readonly ItemInput[]): Promise<string[]> {
    return this.#node.enqueueMany(this.#work, [...inputs])
  }

  /** Somebody else was told that these are durable. */
  adopt(items: readonly Accepted[]): void {
    for (const item of items) this.#numbers.set(item.key, Math.max(item.n, this.#numbers.get(item.key) ?? 0))
    this.accepted.push(...items)
  }

  /** Looks up so many of the accepted items. */
  async look(count: number): Promise<StateSample[]> {
    const { random = Math.random } = this.#settings
    const chosen = Array.from({ length: Math.min(count, this.accepted.length) }, () => {
      // Half of them among the latest, which are on their way.
      const from = random() < 0.5 ? Math.max(0, this.accepted.length - 2_000) : 0
      return this.accepted[from + Math.floor(random() * (this.accepted.length - from))] as Accepted
    })
    // Each once: of two looks at the same time it is not known which saw the later state.
    return Promise.all(
      [...new Set(chosen)].map(async ({ id, key, n }) => {
        const item = await this.#node.item(id)
        return { key, n, at: now(), state: item?.state }
      }),
    )
  }

  /** How many items have succeeded, those that were enqueued beside too. */
  async succeeded(): Promise<number> {
    const [row] = await this.#askAll(
      `select count(*)::int as items from coatcheck.tracked_item where state = 'succeeded'`,
    )
    return row?.['items'] as number
  }

  /** What the database says of the accepted items. */
  async standing(): Promise<Standing> {
    const byState: Record<string, number> = {}
    let tried = 0
    const ids = this.accepted.map(({ id }) => id)
    for (let at = 0; at < ids.length; at += 50_000) {
      const rows = await this.#askAll(
        `select coalesce(t.state, 'untracked') as state, count(*)::int as items,
           count(*) filter (where t.attempts <> 1)::int as tried
         from unnest($1::uuid[]) as i(id) left join coatcheck.tracked_item t using (id)
         group by 1`,
        [ids.slice(at, at + 50_000)],
      )
      for (const row of rows as { state: string; items: number; tried: number }[]) {
        byState[row.state] = (byState[row.state] ?? 0) + row.items
        tried += row.tried
      }
    }
    const [row] = await this.#askAll(
      `select count(*)::int as twice from (select from coatcheck.tracked_item group by input having count(*) > 1) as many`,
    )
    const twice = row?.['twice'] as number
    return { twice, open: this.accepted.length - (byState['succeeded'] ?? 0), tried, byState }
  }

  query(text: string, values?: unknown[]): ReturnType<Node['query']> {
    return this.#node.query(text, values)
  }

  close(): Promise<void> {
    return this.#node.stop()
  }

  /** Asks about all items there are: of ten million that takes longer than a node gives a statement. */
  async #askAll(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = await connectAdmin(this.#database, 300_000)
    try {
      return (await client.query<Record<string, unknown>>(text, values)).rows
    } finally {
      await client.end()
    }
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
