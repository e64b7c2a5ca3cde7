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

  /**
   * The next one that may start now: there is a slot for it, and its queue is not held up.
   * @param only which may be taken
   */
  next(only?: (work: WorkItem) => boolean): WorkItem | undefined {
    return this.#ready.shift(this.#hasOwnSlot, only)
  }

  /** The first so many that are ready to start. They stay. */
  first(count: number): WorkItem[] {
    return this.#ready.first(count)
  }

  /** Visits what is ready to start. */
  eachReady(visit: (work: WorkItem) => void): void {
    this.#ready.each(visit)
  }

  /** Visits what would be the next of each of its queues. */
  eachHead(visit: (work: WorkItem) => void): void {
    this.#ready.eachHead(visit)
  }

  /** Lets go of ready items that have ended before they started. */
  forgetEnded(): void {
    for (const work of this.#ready.drain()) if (!work.outcome) this.#ready.push(work)
  }

  /** Whether this one may start now, if it is not its turn yet. */
  hasSlotFor({ partition }: WorkItem): boolean {
    return partition.control.admits(this.#hasOwnSlot)
  }

  /** What runs of queues with a concurrency of their own takes none of the definition's slots. */
  get #hasOwnSlot(): boolean {
    return this.#running.length - this.#ready.runningBeside < this.definition.concurrency
  }

  get running(): readonly WorkItem[] {
    return this.#running
  }

  begin(work: WorkItem): void {
    work.slot = this.#running.length
    this.#ready.count(work, 1)
    this.#running.push(work)
  }

  /** Its slot is free: the last one moves there. */
  end(work: WorkItem): void {
    this.#ready.count(work, -1)
    const last = this.#running.pop()
    if (!last || last === work) return
    this.#running[work.slot] = last
    last.slot = work.slot
  }
}
