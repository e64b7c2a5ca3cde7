import type { HandlerContext } from '../../src/index.ts'
import type { Effect, HistoryEvent, ItemName } from './history.ts'

/** A history of handlers in this very process, for tests that need no other. */
export class Recorder {
  readonly events: HistoryEvent[] = []
  readonly #ended = new Set<string>()

  tell(op: Effect['op'], item: ItemName, ctx: HandlerContext, node = 'here'): void {
    const { key, n } = item
    this.events.push({
      op,
      seq: this.events.length,
      at: performance.now(),
      node,
      key,
      n,
      attempt: ctx.attempt,
      token: ctx.token,
      partition: Number.parseInt(ctx.item.id.slice(15, 18), 16),
      refused: false,
    })
    if (op === 'end') this.#ended.add(`${key}#${n}`)
  }

  /** Different items that have ended well. */
  get ended(): number {
    return this.#ended.size
  }
}
