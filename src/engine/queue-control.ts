import type { QueueState } from '../store/queue-control.ts'
import type { Tracer } from './tracer.ts'

/** What an operator has set for a queue, as this node knows it, and how much of the queue runs here. */
export class QueueControl {
  state: QueueState = 'running'
  /** How many of its items run at once here, whatever their definitions say; undefined: as these say. */
  perNode: number | undefined
  /** As of the last time it was looked; undefined: never. */
  restarts: number | undefined
  /** Told what happens to its items, while somebody watches. */
  tracer: Tracer | undefined
  /** Items of it that run. */
  running = 0

  get isRunning(): boolean {
    return this.state === 'running'
  }

  /** @param hasSlot whether the item's definition has a slot: it needs none where the queue has a concurrency of its own */
  admits(hasSlot: boolean): boolean {
    if (!this.isRunning) return false
    return this.perNode === undefined ? hasSlot : this.running < this.perNode
  }
}
