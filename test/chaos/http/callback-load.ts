import { setTimeout as delay } from 'node:timers/promises'
import type { Receiver } from '../../http/receiver.ts'
import { askAdmin } from '../admin.ts'
import { waitUntil } from '../wait-until.ts'
import type { Behaviour } from './receiver-plan.ts'

interface Ended {
  readonly item: string
  readonly state: string
  readonly attempts: number
  /** Of the attempts, as its log has them. */
  readonly durationsMs: readonly number[]
}

/** Asks a node for callbacks, and knows what has to become of each. */
export class CallbackLoad {
  readonly #url: string
  readonly #database: string
  /** By the item whose end is told. */
  readonly #expected = new Map<string, Behaviour>()
  #count = 0

  constructor(url: string, database: string) {
    this.#url = url
    this.#database = database
  }

  /** @throws Error where the request is not accepted */
  async ask(behaviour: Behaviour): Promise<void> {
    const at = this.#count++
    const answer = await fetch(`${this.#url}/services/chaos/once`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'callback-url': behaviour.urlOf(at) },
      body: JSON.stringify({ key: `c-${at}`, n: 1 }),
    })
    const { id } = (await answer.json()) as { id: string }
    if (answer.status !== 202) throw new Error(`A request with a callback was answered ${answer.status}.`)
    this.#expected.set(id, behaviour)
  }

  /** Asks for so many a second, until told to end. @returns from the request to the callback, in milliseconds, sorted */
  async pace(receiver: Receiver, perSecond: number, count: number, signal?: AbortSignal): Promise<number[]> {
    const prefix = `/status/204/paced-${this.#count}`
    const sentAt = new Map<string, number>()
    const began = performance.now()
    for (let at = 0; at < count && !signal?.aborted; at++) {
      await delay(Math.max(0, began + (at * 1_000) / perSecond - performance.now()))
      const path = `${prefix}-${at}`
      sentAt.set(path, Date.now())
      await this.ask({ name: 'well', urlOf: () => receiver.url(path), state: 'succeeded', attempts: 1 })
    }
    await Promise.all([...sentAt.keys()].map((path) => receiver.until(path, 1)))
    return receiver.all
      .flatMap(({ path, at }) => (sentAt.has(path) ? [at - (sentAt.get(path) ?? at)] : []))
      .toSorted((a, b) => a - b)
  }

  /** Resolves when the callbacks of a behaviour, or all, have ended. */
  async ends(waitMs: number, of: (behaviour: Behaviour) => boolean = () => true): Promise<void> {
    const wanted = [...this.#expected].filter(([, behaviour]) => of(behaviour)).map(([id]) => id)
    await waitUntil('all callbacks have ended', waitMs, async () => {
      const ended = new Set((await this.#ended()).map(({ item }) => item))
      return wanted.every((id) => ended.has(id))
    })
  }

  /** Held against what was to be expected. */
  async verdict(): Promise<{
    callbacks: number
    /** Callbacks that did not end as their receiver wanted, in sentences. */
    otherwise: readonly string[]
    /** Items that ended without a callback, or with several. */
    unequal: number
    /** Of receivers that hold their place. */
    slowestMs: number
  }> {
    const ended = await this.#ended()
    const items = new Set(ended.map(({ item }) => item))
    const otherwise = ended.flatMap(({ item, state, attempts }) => {
      const expected = this.#expected.get(item)
      return expected?.state === state && expected.attempts === attempts
        ? []
        : [`${expected?.name}: ${state} after ${attempts}`]
    })
    const slow = ended.filter(({ item }) => this.#expected.get(item)?.isSlow)
    return {
      callbacks: ended.length,
      otherwise,
      unequal: this.#expected.size - items.size + ended.length - items.size,
      slowestMs: Math.max(0, ...slow.flatMap(({ durationsMs }) => durationsMs)),
    }
  }

  async #ended(): Promise<Ended[]> {
    const rows = await askAdmin(
      this.#database,
      `select t.context::json ->> 'causationId' as item, t.state, t.attempts,
         (select coalesce(json_agg((l.data::json ->> 'durationMs')::float), '[]') from coatcheck.item_log l
          where l.id = t.id and l.event = 'log') as durations
       from coatcheck.tracked_item t
       where t.definition = 'coatcheck.callback' and t.ended_at is not null`,
    )
    return rows.map((row) => ({
      item: row['item'] as string,
      state: row['state'] as string,
      attempts: row['attempts'] as number,
      durationsMs: row['durations'] as number[],
    }))
  }
}
