/** What happens inside, for logs, metrics and tests. `docs/reference/events.md` lists them. */
export interface EventMap {
  /** The node has begun, or has ended, its work. */
  'node.started': { readonly node: string }
  'node.stopped': { readonly node: string }
  /** The lease could not be renewed in time: handlers were told to stop and nothing is settled until it is back. */
  'node.lease-lost': { readonly node: string }
  'node.lease-regained': { readonly node: string }
  'node.gone': { readonly node: string; readonly name: string; readonly pid: number }
  /** The database cannot be reached, told when it is found out and every 30 s after that; and it is there again. */
  'database.away': { readonly awayMs: number; readonly error: unknown }
  'database.back': { readonly awayMs: number }
  'partition.acquired': { readonly queue: number; readonly partition: number; readonly epoch: number }
  /**
   * `reason`: `handover` to another node, `stop` of this one, `fenced` when another one had taken it, `ended` when nothing was
   * left of one of an older generation.
   */
  'partition.released': {
    readonly queue: number
    readonly partition: number
    readonly reason: 'handover' | 'stop' | 'fenced' | 'ended'
  }
  /** All that the log of an older generation's partition showed is done, and its lane has gone to the next generation. */
  'partition.drained': { readonly queue: number; readonly partition: number; readonly generation: number }
  /**
   * How a partition that was taken from a dead node is run: `marking` while what starts is written down before, `careful` while
   * so many items that a node died of, perhaps, run with nothing beside them, `normal` when none of it is left.
   */
  'partition.mode': {
    readonly queue: number
    readonly partition: number
    readonly mode: 'normal' | 'marking' | 'careful'
    readonly suspects: number
  }
  /** This node has learned that an operator has paused, stopped or started a queue. */
  'queue.state': { readonly queue: number; readonly state: 'running' | 'paused' | 'stopped' }
  'item.failed': {
    readonly id: string
    readonly definition: string
    readonly attempt: number
    readonly code: string
    readonly message: string
    readonly retryInMs: number | undefined
  }
  'item.broken': {
    readonly id: string
    readonly definition: string
    readonly attempts: number
    readonly code: string
    readonly message: string
  }
  /** The item, broken, blocks its key (`onBroken: 'block'`): what comes later of it is held until a person has decided. */
  'key.blocked': {
    readonly id: string
    readonly definition: string
    readonly key: string
    readonly code: string
  }
  /** The item blocks its key no more, by which act; where another one blocks it too, it stays blocked. */
  'key.opened': {
    readonly id: string
    readonly definition: string
    readonly key: string
    readonly by: 'requeue' | 'skip' | 'release' | 'remove'
  }
  /** A node, by its boot id, died or hung while nothing but this item ran there: its `crashes`th time, of three. */
  'item.crashed-node': { readonly id: string; readonly node: string; readonly crashes: number }
  /** A handler has not ended 30 s after its signal was aborted; its slot and its key stay taken. */
  'item.stuck': { readonly id: string; readonly definition: string; readonly sinceMs: number }
  /** The owner of an item's partition has decided an act on it; `state` is the one that it met the item in. */
  'act.decided': {
    readonly act: string
    readonly kind: string
    readonly item: string
    readonly verdict: 'applied' | 'refused'
    readonly state: string
  }
  /** What operators should know: found by this node, which looked for all of them, or found no more. */
  'alert.raised': {
    readonly rule: string
    readonly subject: string
    readonly severity: 'warning' | 'critical'
    readonly title: string
  }
  'alert.cleared': { readonly rule: string; readonly subject: string }
  'settle.done': { readonly items: number; readonly durationMs: number }
  /** Something failed that is tried again, or that a caller was not shown; `definition`: whose code threw it, where a definition's did. */
  problem: { readonly where: string; readonly error: unknown; readonly definition?: string }
}

export type EventName = keyof EventMap

type Listener = <Name extends EventName>(name: Name, data: EventMap[Name]) => void

/** Tells listeners what happens. A listener that throws is not told of its own throw, and stops nobody. */
export class Events {
  readonly #listeners = new Set<Listener>()

  /** @returns stops listening */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit<Name extends EventName>(name: Name, data: EventMap[Name]): void {
    for (const listener of this.#listeners) {
      try {
        listener(name, data)
      } catch {
        // Whoever listens must not break what it listens to.
      }
    }
  }
}
