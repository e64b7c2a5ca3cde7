import type { Dispatcher } from './dispatcher.ts'
import type { WorkItem } from './work-item.ts'

/** If its node dies each of them is suspected as if it had run, and runs alone once. */
const mostAhead = 100

/**
 * Ready items that are written down before there is a slot for them. They start as soon as there is one, while the next wave is
 * on its way to the database: a node that marks does not stand still for each commit.
 */
export class MarkedAhead {
  readonly #dispatcher: Dispatcher
  #items = new Set<WorkItem>()
  #wanted = 0
  /** How many of them have started since a mark was begun last; undefined where none was. */
  #starts: number | undefined

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher
  }

  get size(): number {
    return this.#items.size
  }

  /** Whether so few are left that a mark for others is worth its while. */
  get isLow(): boolean {
    return this.#items.size * 2 < this.#wanted
  }

  /** Takes a slot for those that may start now. Each has to be started. */
  reserve(): WorkItem[] {
    if (this.#items.size === 0) return []
    const works = this.#dispatcher.reserveReady((work) => this.#items.has(work))
    this.leave(works)
    if (this.#starts !== undefined) this.#starts += works.length
    return works
  }

  /** They have a slot, and are written down with what is about to start. */
  leave(works: readonly WorkItem[]): void {
    for (const work of works) this.#items.delete(work)
  }

  /**
   * What is to be written down ahead with the next mark: what is written down now and has not started, since it may do so until
   * the mark is there, and more, up to what could have started since the last one.
   * @param waiting how many have a slot and wait for the mark: so many more could have started
   * @param mayRun which need not run alone
   */
  next(waiting: number, mayRun: (work: WorkItem) => boolean): WorkItem[] {
    // While slow handlers keep their slots a few are enough, and few are suspected.
    if (waiting > 0 && this.#starts !== undefined) this.#wanted = Math.min(this.#starts + waiting, mostAhead)
    const next = new Set([...this.#items].filter(mayStart))
    for (const work of this.#dispatcher.firstReady(this.#wanted)) {
      if (next.size >= this.#wanted) break
      if (mayStart(work) && mayRun(work)) next.add(work)
    }
    return [...next]
  }

  /** A mark is on its way. @param works what it has ahead: nothing else may start any more */
  begin(works: readonly WorkItem[]): void {
    const kept = new Set(works)
    this.#items = new Set([...this.#items].filter((work) => kept.has(work)))
    this.#starts = 0
  }

  /** They are written down now; some may have started meanwhile. */
  confirm(works: readonly WorkItem[]): void {
    this.#items = new Set(works.filter(mayStart))
  }

  /** Nothing is written down any more. */
  clear(): void {
    this.#items.clear()
    this.#wanted = 0
    this.#starts = undefined
  }

  /** Drops those whose partition is gone. @returns whether there were any: somebody else may run them now */
  dropLost(): boolean {
    const lost = [...this.#items].filter(({ partition }) => partition.lost)
    for (const work of lost) this.#items.delete(work)
    return lost.length > 0
  }
}

function mayStart({ partition, outcome, startedAt }: WorkItem): boolean {
  return !partition.lost && outcome === undefined && startedAt === 0
}
