import { setTimeout as delay } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { Loop } from '../base/part.ts'
import type { Stream } from '../stream/stream.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { HoleWatch } from './hole-watch.ts'
import type { Housekeeping } from './housekeeping.ts'
import type { Indexer } from './indexer.ts'
import type { Lane } from './lane.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Ownership } from './ownership.ts'
import type { Reader } from './reader.ts'
import type { Settler } from './settler.ts'

export interface Parts {
  readonly stream: Stream
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly heartbeat: Heartbeat
  readonly ownership: Ownership
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly reader: Reader
  readonly holes: HoleWatch
  readonly lane: Lane
  readonly indexer: Indexer
  readonly housekeeping: Housekeeping
  readonly events: Events
}

const sweepMs = 200
/** After its signal was aborted at the end, a handler has so long to return. */
const abortGraceMs = 2_000
const drainLimitMs = 10_000

/** The parts that run items: started forward, stopped backward. */
export class WorkingParts {
  readonly #parts: Parts
  readonly #sweep: Loop
  #stopListening: (() => Promise<void>) | undefined

  constructor(parts: Parts) {
    this.#parts = parts
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

  /** Has all look again: for tests, whose clock jumps. */
  wakeAll(): void {
    const { owned, ownership, reader, lane, housekeeping } = this.#parts
    for (const partition of owned.values()) partition.hinted = true
    for (const part of [ownership, reader, lane, housekeeping]) part.wake()
  }

  async start(): Promise<void> {
    const { heartbeat, stream, ownership, reader, holes, lane, indexer, housekeeping } = this.#parts
    await heartbeat.start()
    this.#stopListening = await stream.onHint((queue, partition) => this.#hinted(queue, partition))
    // The first look at once, so that a started node owns what is free.
    await ownership.tick()
    for (const part of [ownership, reader, holes, lane, indexer, housekeeping, this.#sweep])
      await part.start()
  }

  /** Finishes what runs, tells it to stop at the deadline, settles, and gives all partitions back. */
  async stop(timeoutMs: number): Promise<void> {
    const { heartbeat, ownership, reader, holes, lane, indexer, housekeeping, dispatcher, settler, events } =
      this.#parts
    dispatcher.stopStarting()
    await this.#stopListening?.()
    for (const part of [housekeeping, indexer, lane, holes, reader, ownership]) await part.stop()
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
    try {
      await ownership.releaseAll()
    } catch (error) {
      // Their owner will be seen to be dead when its lease has run out.
      if (!isCoatcheckError(error)) throw error
      events.emit('problem', { where: 'stop', error })
    }
    await this.#sweep.stop()
    await heartbeat.stop()
  }

  #hinted(queue: number, partition: number): void {
    const owned = this.#parts.owned.get(`${queue}/${partition}`)
    if (!owned) {
      // Perhaps one that was given away for us to take.
      this.#parts.ownership.wake()
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
