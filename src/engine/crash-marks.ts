import { forgetSuspects, markItems, readOwnedAmong, unmarkItems } from '../store/crashes.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Dispatcher } from './dispatcher.ts'
import { MarkedAhead } from './marked-ahead.ts'
import { toMark } from './marked-work.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { WorkItem } from './work-item.ts'

export interface CrashMarksParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly dispatcher: Dispatcher
  readonly onFenced: (partition: OwnedPartition) => void
}

/** What is written down beside what runs and what is about to start. */
export interface MarkedMore {
  /** It may start before the next mark. */
  readonly ahead?: readonly WorkItem[]
  /** It is to run alone, one after the other: of it the first that has not ended is what a death is charged to. */
  readonly line?: readonly WorkItem[]
}

/** What the node has written down of what it runs: if it dies, this is what is suspected. */
export class CrashMarks {
  readonly #parts: CrashMarksParts
  readonly ahead: MarkedAhead
  /** Of the line that is written down, what is behind the one that runs, or ran last. */
  #line: readonly WorkItem[] = []
  /** Suspected no more, and the database does not know yet. */
  #cleared: WorkItem[] = []
  /** Something is written down that does not run here any more: its queue was stopped, its partition is gone. */
  isOutdated = false

  constructor(parts: CrashMarksParts) {
    this.#parts = parts
    this.ahead = new MarkedAhead(parts.dispatcher)
  }

  /** Whether it may run alone now by what is written down. */
  isNextInLine(work: WorkItem): boolean {
    return this.#line[0] === work
  }

  advanceLine(): void {
    this.#line = this.#line.slice(1)
  }

  /** One of the line has not ended, and would be charged with what those behind it do: they are written down anew. */
  breakLine(): void {
    this.#line = []
  }

  /**
   * Writes it down, in place of all that was.
   * @returns false where it was refused: the node may start none of it
   */
  async write(beside: readonly WorkItem[], { ahead = [], line = [] }: MarkedMore = {}): Promise<boolean> {
    const { database, bootId, onFenced } = this.#parts
    const { driver, schema } = database
    const works = [...beside, ...ahead, ...line]
    const partitions = [...new Set(works.map((work) => work.partition))].filter(({ lost }) => !lost)
    const marks = [...[...beside, ...ahead].map((work) => toMark(work)), ...line.map(toMark)]
    this.#line = []
    this.ahead.begin(ahead)
    if (await markItems(driver, schema, bootId, marks, partitions)) {
      this.isOutdated = false
      this.#line = line
      this.ahead.confirm(ahead)
      return true
    }
    const owned = await readOwnedAmong(driver, schema, bootId, partitions)
    const names = new Set(owned.map(({ queue, partition }) => `${queue}/${partition}`))
    for (const partition of partitions) if (!names.has(partition.name)) onFenced(partition)
    return false
  }

  /** Nothing is written down any more. */
  async remove(): Promise<void> {
    const { database, bootId } = this.#parts
    this.ahead.clear()
    this.#line = []
    await unmarkItems(database.driver, database.schema, bootId)
  }

  /** An item is suspected no more. Until the database knows, whoever takes over has it run alone once more. */
  clear(work: WorkItem): void {
    this.#cleared.push(work)
  }

  /** Tells the database. */
  async forgetCleared(): Promise<void> {
    if (this.#cleared.length === 0) return
    const { database, bootId } = this.#parts
    const items = this.#cleared.map(({ id, partition: { queue, partition, epoch } }) => ({
      id,
      queue,
      partition,
      epoch,
    }))
    await forgetSuspects(database.driver, database.schema, bootId, items)
    this.#cleared.splice(0, items.length)
  }
}
