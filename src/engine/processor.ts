import type { Definition } from '../define/definition.ts'
import { Fifo } from './fifo.ts'
import type { WorkItem } from './work-item.ts'

/** A definition at work on this node: what is ready to start, and how many run. */
export class Processor {
  readonly definition: Definition
  readonly #ready = new Fifo<WorkItem>()
  /** From the lane: they waited for their time already, and come before what was read ahead. */
  readonly #due = new Fifo<WorkItem>()
  readonly running = new Set<WorkItem>()

  constructor(definition: Definition) {
    this.definition = definition
  }

  get ready(): number {
    return this.#ready.size + this.#due.size
  }

  push(work: WorkItem): void {
    if (work.waiting) this.#due.push(work)
    else this.#ready.push(work)
  }

  next(): WorkItem | undefined {
    return this.#due.shift() ?? this.#ready.shift()
  }

  get hasSlot(): boolean {
    return this.running.size < this.definition.concurrency
  }
}
