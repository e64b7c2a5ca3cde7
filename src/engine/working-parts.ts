import { setTimeout as delay } from 'node:timers/promises'
import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { Loop } from '../base/part.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Stream } from '../stream/stream.ts'
import type { Acts } from './acts.ts'
import type { CrashGuard } from './crash-guard.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { HoleWatch } from './hole-watch.ts'
import type { Housekeeping } from './housekeeping.ts'
import type { Indexer } from './indexer.ts'
import type { Lane } from './lane.ts'
import type { NodeReporter } from './node-reporter.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Ownership } from './ownership.ts'
import { PartitionDrain } from './partition-drain.ts'
import type { Reader } from './reader.ts'
import type { Settler } from './settler.ts'

export interface Parts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly stream: Stream
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly heartbeat: Heartbeat
  readonly ownership: Ownership
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly guard: CrashGuard
  readonly reader: Reader
  readonly holes: HoleWatch
  readonly lane: Lane
  readonly acts: Acts
  readonly indexer: Indexer
  readonly housekeeping: Housekeeping
  readonly reporter: NodeReporter
  readonly events: Events
}

const sweepMs = 200
/** After a hint of a partition that may have no owner it is looked whose it is. */
const hintedMs = 25
/** After its signal was aborted at the end, a handler has so long to return. */
const abortGraceMs = 2_000
const drainLimitMs = 10_000

/** The parts that run items: started forward, stopped backward. */
export class WorkingParts {
  readonly #parts: Parts
  readonly #sweep: Loop
  readonly #drain: PartitionDrain
  #stopListening: (() => Promise<void>) | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    const { stream, ownership, reader } = parts
    this.#drain = new PartitionDrain({
      ...parts,
      onRead: () => reader.wake(),
      onFenced: (partition) => ownership.lose(partition, 'another node owns it'),
      onEnded: (partition) => ownership.ended(partition),
      onDrained: (places) => {
        ownership.wake()
        stream.hint(places, true)
      },
    })
    this.#sweep = new Loop(
      async () => {
        parts.dispatcher.sweep()
        // A lease that ends is noticed here, however slow the database is.
        if (!parts.heartbeat.isSafe) parts.ownership.checkLease()
        return sweepMs
      },
      (error) => parts.events.emit('problem', { where: 'sweep', error }),
    )
  }

  wakeReader(): void {
    this.#parts.reader.wake()
  }

  wakeActs(): void {
    this.#parts.acts.wake()
  }

  /** Something has been set for a queue. */
  wakeControl(): void {
    this.#parts.ownership.wake()
  }

  /** Has all look again: for tests, whose clock jumps. */
  wakeAll(): void {
    const { owned, ownership, reader, lane, housekeeping } = this.#parts
    for (const partition of owned.values()) partition.hinted = true
    for (const part of [ownership, reader, lane, housekeeping, this.#drain]) part.wake()
  }

  async start(): Promise<void> {
    const { heartbeat, stream, ownership, guard, reader, holes, lane, indexer, housekeeping } = this.#parts
    await heartbeat.start()
    this.#stopListening = await stream.onHint((...place) => this.#hinted(...place))
    // The first look at once, so that a started node owns what is free.
    await ownership.tick()
    for (const part of [
      guard,
      ownership,
      reader,
      holes,
      lane,
      this.#parts.acts,
      indexer,
      housekeeping,
      this.#parts.reporter,
      this.#drain,
      this.#sweep,
    ])
      await part.start()
  }

  /** Finishes what runs, tells it to stop at the deadline, settles, and gives all partitions back. */
  async stop(timeoutMs: number): Promise<void> {
    try {
      await this.#finish(timeoutMs)
    } finally {
      // Whatever went wrong: a heartbeat that went on would keep the partitions of a node that runs nothing.
      await this.#sweep.stop()
      await this.#parts.heartbeat.stop()
    }
  }

  async #finish(timeoutMs: number): Promise<void> {
    const { heartbeat, ownership, reader, holes, lane, indexer, housekeeping, dispatcher, settler } =
      this.#parts
    const { guard, acts, reporter } = this.#parts
    dispatcher.stopStarting()
    // Before anything is given back: what others run by then must not be written down here, and whoever ends a node that
    // takes too long to stop is no item.
    await this.#tryTo(() => guard.stop())
    await this.#stopListening?.()
    for (const part of [this.#drain, reporter, housekeeping, indexer, acts, lane, holes, reader])
      await part.stop()
    await heartbeat.retire()
    ownership.leave()
    await this.#untilIdle(timeoutMs)
    if (dispatcher.running > 0) {
      dispatcher.cancelAll(
        new CoatcheckError(
          'NODE_STOPPED',
          'the node stops; the attempt is not counted and another node runs the item',
        ),
      )
      await this.#untilIdle(abortGraceMs)
    }
    // Without the database it would not end: what is not settled then is run again by the next owner.
    if (heartbeat.isSafe)
      await Promise.race([settler.drain(), delay(drainLimitMs, undefined, { ref: false })])
    await ownership.stop()
    // Should it have failed: what is still written down would count against it once the node is gone.
    await this.#tryTo(() => guard.stop())
    // Should it fail, their owner will be seen to be dead.
    await this.#tryTo(() => ownership.releaseAll())
  }

  /** Goes on stopping whatever the database says. */
  async #tryTo(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#parts.events.emit('problem', { where: 'stop', error })
    }
  }

  #hinted(queue: number, partition: number, free: boolean): void {
    const { owned: all, ownership } = this.#parts
    const owned = all.get(`${queue}/${partition}`)
    if (!owned) {
      // While one of a new generation waits, each append to it hints.
      if (free || !ownership.isElsewhere(queue, partition)) ownership.wake(hintedMs)
      return
    }
    owned.hinted = true
    this.#parts.reader.wake()
  }

  async #untilIdle(timeoutMs: number): Promise<void> {
    const { dispatcher } = this.#parts
    const until = performance.now() + timeoutMs
    while (dispatcher.running > 0 && performance.now() < until)
      await dispatcher.nextEnd(until - performance.now())
  }
}
