import { setTimeout as delay } from 'node:timers/promises'
import { deadly, type Deed } from '../deeds.ts'
import type { Stage } from '../stage.ts'

/** Items that do harm, handed over among the others, and what became of them. */
export class Poison {
  readonly #stage: Stage
  readonly #ids = new Map<string, Deed>()
  #count = 0

  constructor(stage: Stage) {
    this.#stage = stage
  }

  get size(): number {
    return this.#ids.size
  }

  /** Each with a key of its own. Resolves when they are accepted. */
  async give(given: readonly Deed[]): Promise<void> {
    if (given.length === 0) return
    const inputs = given.map((deed) => ({ key: `poison-${this.#count++}`, n: 1, deed }))
    const ids = await this.#stage.run.load.enqueueBeside(inputs)
    for (const [at, id] of ids.entries()) this.#ids.set(id, given[at] as Deed)
  }

  /** What the database says of them; `charged`: crashes that others were charged with. */
  async standing(): Promise<{
    /** Not broken, of those that should be. */
    readonly open: number
    /** Of those that never settle: which do not run. */
    readonly settled: number
    readonly mostAttempts: number
    readonly mostCrashes: number
    /** That ended their process, or held it, and are broken for that. */
    readonly found: number
    /** Broken for having crashed their node, who did not. */
    readonly wrongly: number
    readonly charged: number
  }> {
    const ids = [...this.#ids.keys()]
    const { load } = this.#stage.run
    const { rows } = await load.query(
      `select i.id::text as id, t.state, coalesce(t.attempts, 0)::int as attempts,
         coalesce((b.failure::json ->> 'code') = 'CRASHES_NODE', false) as crashes_node,
         (select count(*)::int from coatcheck.item_log l where l.id = i.id and l.event = 'crashed-node') as crashes
       from unnest($1::uuid[]) as i(id)
       left join coatcheck.tracked_item t using (id) left join coatcheck.broken_item b using (id)`,
      [ids],
    )
    const items = rows as {
      id: string
      state: string | null
      attempts: number
      crashes_node: boolean
      crashes: number
    }[]
    const { rows: others } = await load.query(
      `select count(*)::int as charged from coatcheck.item_log where event = 'crashed-node' and id <> all ($1::uuid[])`,
      [ids],
    )
    const isDeadly = (id: string): boolean => {
      const deed = this.#ids.get(id)
      return deed !== undefined && (deadly.has(deed) || deed === 'loop')
    }
    return {
      open: items.filter(({ id, state }) => this.#ids.get(id) !== 'never' && state !== 'broken').length,
      settled: items.filter(({ id, state }) => this.#ids.get(id) === 'never' && state !== 'running').length,
      mostAttempts: Math.max(...items.map(({ attempts }) => attempts)),
      mostCrashes: Math.max(...items.map(({ crashes }) => crashes)),
      found: items.filter(({ id, crashes_node }) => crashes_node && isDeadly(id)).length,
      wrongly: items.filter(({ id, crashes_node, crashes }) => (crashes_node || crashes > 0) && !isDeadly(id))
        .length,
      charged: (others[0] as { charged: number }).charged,
    }
  }
}

/** Starts another node for each that dies, as a process manager does, until it is told to end. */
export function superviseNodes(stage: Stage, nodes: number): { end(): Promise<void> } {
  const over = new AbortController()
  const { run } = stage
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (let alive = run.everyNode.filter((node) => node.isAlive).length; alive < nodes; alive++)
        // It may die before it is ready; then another one follows.
        void run.startNode().catch(() => {})
      await delay(100, undefined, { signal: over.signal }).catch(() => {})
    }
  })()
  const end = async (): Promise<void> => {
    over.abort()
    await watching
  }
  stage.options.endings.add('supervisor', end)
  return { end }
}
