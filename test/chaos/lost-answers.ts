import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptClient } from './accept-client.ts'
import type { AcceptFate, UniqueItem } from './accept-process.ts'
import type { Accepted } from './load-client.ts'

/** A try after which its caller asks again, with the same key. */
const unclear = new Set([
  'OUTCOME_UNKNOWN',
  'DATABASE_UNREACHABLE',
  'DATABASE_TIMEOUT',
  'UNIQUE_KEY_BUSY',
  'BACKLOG_FULL',
])
const giveUpMs = 60_000

/** A caller whose answers are lost, and who asks again under the same key until it has one. */
export class LostAnswers {
  readonly #clients: readonly AcceptClient[]
  /** By key: the ids that somebody was told, and how often it was new. */
  readonly #told = new Map<string, { ids: Set<string>; news: number }>()
  readonly accepted: Accepted[] = []
  /** First accepts whose answer did not come to the caller. */
  lost = 0
  /** Another payload under a key that was taken. */
  refused = 0
  takenWrongly = 0
  kills = 0
  /** Why an accept failed that should not have. */
  readonly problems: string[] = []

  constructor(clients: readonly AcceptClient[]) {
    this.#clients = clients
  }

  get keysWithSeveralIds(): number {
    return [...this.#told.values()].filter(({ ids }) => ids.size !== 1).length
  }

  get keysNewAgain(): number {
    return [...this.#told.values()].filter(({ news }) => news > 1).length
  }

  /**
   * Accepts so many items; nobody hears the answer, and each is asked for again by two at once.
   * @param how `twins`: the first time two ask at once as well; `kill`: who was asked is killed before it has answered
   */
  async round(
    first: number,
    count: number,
    how: 'one' | 'twins' | 'kill',
    random: () => number,
  ): Promise<void> {
    const items = Array.from({ length: count }, (_, at): UniqueItem => ({
      uniqueKey: `u-${first + at}`,
      input: { key: `once-${first + at}`, n: 1 },
    }))
    const sentAt = now()
    const [one, other] = this.#clients as [AcceptClient, AcceptClient]
    const asked = [one.accept(items), ...(how === 'twins' ? [other.accept(items)] : [])]
    if (how === 'kill') {
      await delay(12 * random())
      await one.restart()
      this.kills++
    }
    // What the process said is only seen here, as a witness: to its caller it is lost.
    for (const fates of await Promise.all(asked)) this.#see(items, fates)
    this.lost += count
    const again = await Promise.all([this.#until(one, items), this.#until(other, items)])
    const acceptedAt = now()
    for (const [at, { input }] of items.entries()) {
      const fate = again[0][at]
      if (fate && 'id' in fate) this.accepted.push({ ...input, id: fate.id, sentAt, acceptedAt })
    }
    await this.#clash(
      random() < 0.5 ? one : other,
      items.filter((_, at) => (first + at) % 10 === 0),
    )
  }

  /** Asks until there is an answer to each. */
  async #until(client: AcceptClient, items: readonly UniqueItem[]): Promise<(AcceptFate | undefined)[]> {
    const answers = new Map<string, AcceptFate>()
    let open = items
    for (const until = performance.now() + giveUpMs; open.length > 0 && performance.now() < until;) {
      const fates = await client.accept(open)
      this.#see(open, fates)
      const left: UniqueItem[] = []
      for (const [at, item] of open.entries()) {
        const fate = fates?.[at]
        if (fate === undefined || ('code' in fate && unclear.has(fate.code))) left.push(item)
        else answers.set(item.uniqueKey, fate)
      }
      open = left
      if (open.length > 0) await delay(50)
    }
    for (const { uniqueKey } of items) {
      const fate = answers.get(uniqueKey)
      if (!fate || 'code' in fate) this.problems.push(`${uniqueKey}: ${fate?.code ?? 'no answer'}`)
    }
    return items.map(({ uniqueKey }) => answers.get(uniqueKey))
  }

  async #clash(client: AcceptClient, items: readonly UniqueItem[]): Promise<void> {
    let open = items.map(({ uniqueKey, input }) => ({ uniqueKey, input: { ...input, n: 2 } }))
    for (const until = performance.now() + giveUpMs; open.length > 0 && performance.now() < until;) {
      const fates = (await client.accept(open)) ?? []
      const left: typeof open = []
      for (const [at, item] of open.entries()) {
        const fate = fates[at]
        if (fate === undefined || ('code' in fate && unclear.has(fate.code))) left.push(item)
        else if ('code' in fate && fate.code === 'UNIQUE_KEY_REUSED') this.refused++
        else this.takenWrongly++
      }
      open = left
    }
  }

  #see(items: readonly UniqueItem[], fates: readonly AcceptFate[] | undefined): void {
    for (const [at, { uniqueKey }] of items.entries()) {
      const fate = fates?.[at]
      if (!fate || 'code' in fate) continue
      const told = this.#told.get(uniqueKey) ?? { ids: new Set(), news: 0 }
      this.#told.set(uniqueKey, told)
      told.ids.add(fate.id)
      if (fate.outcome === 'new') told.news++
    }
  }
}

function now(): number {
  return performance.timeOrigin + performance.now()
}
