import type { Definition } from '../define/definition.ts'
import { ReadyLines } from './ready-lines.ts'
import type { WorkItem } from './work-item.ts'

/** A definition at work on this node: what is ready to start, and how many run. */
export class Processor {
  readonly definition: Definition
  readonly #ready = new ReadyLines()
  readonly #running: WorkItem[] = []

  constructor(definition: Definition) {
    this.definition = definition
  }

  get ready(): number {
    return this.#ready.size
  }

  push(work: WorkItem): void {
    this.#ready.push(work)
  }

  next(): WorkItem | undefined {
    return this.#ready.shift()
  }

  /** Visits what is ready to start. */
  eachReady(visit: (work: WorkItem) => void): void {
    this.#ready.each(visit)
  }

  /** Lets go of ready items that have ended before they started. */
  forgetEnded(): void {
    for (const work of this.#ready.drain()) if (!work.outcome) this.#ready.push(work)
  }

  get hasSlot(): boolean {
    return this.#running.length < this.definition.concurrency
  }

  get running(): readonly WorkItem[] {
    return this.#running
  }

  begin(work: WorkItem): void {
    work.slot = this.#running.length
    this.#running.push(work)
  }

  /** Its slot is free: the last one moves there. */
  end(work: WorkItem): void {
    const last = this.#running.pop()
    if (!last || last === work) return
    this.#running[work.slot] = last
    last.slot = work.slot
  }
}
