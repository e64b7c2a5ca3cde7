import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import { drainPartition, endPartition } from '../store/generations.ts'
import type { PartitionName } from '../store/partitions.ts'
import type { Stream } from '../stream/stream.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Settler } from './settler.ts'

export interface PartitionDrainParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly stream: Stream
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  /** There is more to read, perhaps. */
  readonly onRead: () => void
  readonly onFenced: (partition: OwnedPartition) => void
  /** Nothing of a partition is left: it is nobody's any more. */
  readonly onEnded: (partition: OwnedPartition) => void
  /** Partitions have been drained: newer ones may be waiting for that. */
  readonly onDrained: (places: readonly PartitionName[]) => void
}

/** What is known of a partition of an older generation. */
interface Aging {
  readonly since: number
  /** Taken after the generation was seen to be old: appends that counted with it have transaction ids before. */
  readonly mark: string
  isDrained: boolean
  /** When it is next drained, or swept. */
  nextAt: number
  /** When it is next looked at whether it may end. */
  endsAt: number
}

const idleMs = 250
const busyMs = 20
/** Where a transaction may still append to it. */
const againMs = 50
/** A flush is given up after 6 s at the latest; open transactions are not waited for any longer. */
const patienceMs = 7_000
/** What comes late, and whether the partition may end. */
const sweepMs = 1_000
const endEveryMs = 10_000

/**
 * Brings the partitions of older generations to their end (rule 11). While their logs have something that is not done they
 * are run as ever. Then nothing starts from their lanes any more; when memory is empty their lanes are moved to the next
 * generation, which starts when all are drained. They stay owned until no transaction can commit anything more into them.
 */
export class PartitionDrain implements Part {
  readonly #parts: PartitionDrainParts
  readonly #loop: Loop
  readonly #aging = new WeakMap<OwnedPartition, Aging>()

  constructor(parts: PartitionDrainParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'drain', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  wake(): void {
    this.#loop.wake()
  }

  async tick(): Promise<number> {
    const old = [...this.#parts.owned.values()].filter(({ isOld, lost }) => isOld && !lost)
    const drained: OwnedPartition[] = []
    for (const partition of old) {
      if (partition.lost || partition.draining) continue
      try {
        if (await this.#advance(partition)) drained.push(partition)
      } catch (error) {
        partition.isMoving = this.#aging.get(partition)?.isDrained ?? false
        if (!isFenced(error)) throw error
        this.#parts.onFenced(partition)
      }
    }
    if (drained.length > 0) this.#parts.onDrained(drained)
    return old.every((partition) => this.#aging.get(partition)?.isDrained) ? idleMs : busyMs
  }

  /** @returns whether it has been drained just now */
  async #advance(partition: OwnedPartition): Promise<boolean> {
    const aging = this.#aging.get(partition) ?? (await this.#begin(partition))
    if (aging.isDrained) {
      await this.#sweep(partition, aging)
      return false
    }
    if (!partition.isClosing) {
      partition.isClosing = !partition.hasMore && partition.readAt > aging.since
      // Whoever has just read rows of the lane sees it in the next turn of the loop.
      return false
    }
    // They wait behind what goes on in the next generation.
    if (partition.held > 0) this.#parts.dispatcher.spill(partition, partition.held)
    if (!this.#isEmpty(partition) || performance.now() < aging.nextAt) return false
    aging.nextAt = performance.now() + againMs
    // Nothing of it is in memory, and nothing is decided about it before the answer is there.
    partition.isMoving = true
    aging.isDrained = await this.#drain(partition, aging)
    partition.isMoving = aging.isDrained
    if (!aging.isDrained) return false
    partition.acts = partition.planned = undefined
    const { queue, generation } = partition
    this.#parts.events.emit('partition.drained', { queue, partition: partition.partition, generation })
    return true
  }

  async #begin(partition: OwnedPartition): Promise<Aging> {
    const mark = await this.#parts.stream.markHoles()
    const aging = { since: performance.now(), mark, isDrained: false, nextAt: 0, endsAt: 0 }
    this.#aging.set(partition, aging)
    partition.hinted = true
    this.#parts.onRead()
    return aging
  }

  #isEmpty(partition: OwnedPartition): boolean {
    const { loaded, running, unsettled, lanePutsUnderWay, offering, moving, hasMore } = partition
    const inHand = loaded + running + unsettled + lanePutsUnderWay + offering + moving.size
    return inHand === 0 && !hasMore && !this.#parts.settler.hasNotes(partition)
  }

  /** @returns whether all of its lane has been moved */
  async #drain(partition: OwnedPartition, { since, mark }: Aging): Promise<boolean> {
    const { driver, schema } = this.#parts.database
    for (;;) {
      const isPatient = performance.now() - since < patienceMs
      const state = await drainPartition(driver, schema, this.#parts.bootId, partition, mark, isPatient)
      if (partition.lost) return false
      if (state === 'drained') return true
      if (state === 'more') continue
      partition.hinted = true
      this.#parts.onRead()
      return false
    }
  }

  async #sweep(partition: OwnedPartition, aging: Aging): Promise<void> {
    const now = performance.now()
    if (now < aging.nextAt) return
    aging.nextAt = now + sweepMs
    await this.#drain(partition, aging)
    if (now < aging.endsAt || !this.#isEmpty(partition) || partition.holes.size > 0) return
    aging.endsAt = now + endEveryMs
    const { database, bootId, onEnded } = this.#parts
    try {
      if (await endPartition(database.driver, database.schema, bootId, partition)) onEnded(partition)
    } catch (error) {
      // An open transaction has taken a number of its sequence: what it appends is waited for.
      if ((error as { code?: unknown }).code !== '55P03') throw error
    }
  }
}

function isFenced(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'CC004'
}
