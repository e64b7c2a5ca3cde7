/** What happens inside, for logs, metrics and tests. `docs/reference/events.md` lists them. */
export interface EventMap {
  /** The node has begun, or has ended, its work. */
  'node.started': { readonly node: string }
  'node.stopped': { readonly node: string }
  /** The lease could not be renewed in time: handlers were told to stop and nothing is settled until it is back. */
  'node.lease-lost': { readonly node: string }
  'node.lease-regained': { readonly node: string }
  'partition.acquired': { readonly queue: number; readonly partition: number; readonly epoch: number }
  /** `reason`: `handover` to another node, `stop` of this one, `fenced` when another one had taken it. */
  'partition.released': {
    readonly queue: number
    readonly partition: number
    readonly reason: 'handover' | 'stop' | 'fenced'
  }
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
  /** A handler has not ended 30 s after its signal was aborted; its slot and its key stay taken. */
  'item.stuck': { readonly id: string; readonly definition: string; readonly sinceMs: number }
  'settle.done': { readonly items: number; readonly durationMs: number }
  /** Something failed that is tried again. */
  problem: { readonly where: string; readonly error: unknown }
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
