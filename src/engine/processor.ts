import type { Definition } from '../define/definition.ts'
import { Fifo } from './fifo.ts'
import type { WorkItem } from './work-item.ts'

/** A definition at work on this node: what is ready to start, and how many run. */
export class Processor {
  readonly definition: Definition
  readonly ready = new Fifo<WorkItem>()
  readonly running = new Set<WorkItem>()

  constructor(definition: Definition) {
    this.definition = definition
  }

  get hasSlot(): boolean {
    return this.running.size < this.definition.concurrency
  }
}
