import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readLaneSuspects } from '../store/lane-suspects.ts'
import type { Ord } from '../store/waiting-items.ts'
import { laneStart, type OwnedPartition } from './owned-partition.ts'

export interface SuspectSearchParts {
  readonly database: OpenDatabase
  readonly events: Events
  /** What this node runs. */
  readonly definitions: readonly { readonly id: string; readonly order: 'strict' | 'relaxed' }[]
  /** The lane of a partition holds none any more. */
  readonly onNone: () => void
}

/** Where something was found it is looked again after this. */
const againMs = 1_000
/** Between two pages: what starts meanwhile comes first. */
const pageMs = 20

/**
 * Goes through lanes, page by page, for what a dead owner may have been running. What has been passed needs no second look:
 * who did not wait for his turn alone when he was met had not started when the owner died.
 */
export class SuspectSearch implements Part {
  readonly #parts: SuspectSearchParts
  readonly #loop: Loop
  /** How far each has been gone through; undefined: to its end. */
  readonly #passed = new Map<OwnedPartition, Ord | undefined>()

  constructor(parts: SuspectSearchParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.#tick(),
      (error) => parts.events.emit('problem', { where: 'crash-guard', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Whether the lane of a partition may hold some. With the first question the search begins: all of its log has to have ended. */
  mayHold(partition: OwnedPartition): boolean {
    if (!this.#passed.has(partition)) {
      this.#passed.set(partition, laneStart)
      this.#loop.wake()
    }
    return this.#passed.get(partition) !== undefined
  }

  /** Nobody asks for the partition any more. */
  forget(partition: OwnedPartition): void {
    this.#passed.delete(partition)
  }

  async #tick(): Promise<number> {
    let goesOn = false
    for (const [partition, after] of this.#passed)
      if (after && !partition.lost) goesOn = (await this.#look(partition, after)) || goesOn
    return goesOn ? pageMs : againMs
  }

  /** @returns whether it has come further, and not to the end */
  async #look(partition: OwnedPartition, after: Ord): Promise<boolean> {
    const { database, definitions, onNone } = this.#parts
    const page = await readLaneSuspects(database.driver, database.schema, partition, definitions, after)
    // Its page is read again, until it has ended.
    if (page.isFound || !this.#passed.has(partition)) return false
    this.#passed.set(partition, page.after)
    if (page.after) return true
    onNone()
    return false
  }
}
