import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { failureRecord, toFailure } from '../define/failure.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readProgress } from '../store/partitions.ts'
import { runSettlement, settleStatement } from '../store/settlement.ts'
import { readLaneVersions } from '../store/waiting-items.ts'
import { failed } from './execute.ts'
import type { Lease } from './lease.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { isAmbiguous } from './resend.ts'
import { SettlementBatch, type Note } from './settlement-batch.ts'
import { runWrite } from './user-write.ts'
import type { WorkItem } from './work-item.ts'

export interface SettlerParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly lease: Lease
  readonly events: Events
  /** Finished and not yet settled, at most. */
  readonly maxUnsettled: number
  /** The item's settle has committed. */
  readonly onSettled: (work: WorkItem) => void
  /** A partition turned out to belong to somebody else. */
  readonly onFenced: (partition: OwnedPartition) => void
  /** There is room again for finished items. */
  readonly onRoom: () => void
}

const groupSize = 20
const groupsAtOnce = 2

/**
 * Settles what has finished. Plain outcomes go in one statement each time, one in flight, in the order they finished; those
 * with `atCommit` in groups of their own, so that nobody waits for other people's callbacks.
 */
export class Settler {
  readonly #parts: SettlerParts
  #plain: WorkItem[] = []
  #notes: Note[] = []
  #grouped: WorkItem[] = []
  /** Plain outcomes whose settle is under way. */
  #settling: readonly WorkItem[] = []
  #flushing = false
  #groups = 0
  #scheduled = false
  #unsettled = 0
  #idle: (() => void)[] = []

  constructor(parts: SettlerParts) {
    this.#parts = parts
  }

  /** Whether another item may start beside those that run: they may all end before the next settle commits. */
  hasRoom(running: number): boolean {
    const { maxUnsettled } = this.#parts
    // More at once than that may be unsettled: half of it is left to those that have finished.
    return this.#unsettled + Math.min(running, maxUnsettled >> 1) < maxUnsettled
  }

  get unsettled(): number {
    return this.#unsettled
  }

  /** Takes an item whose outcome is known. */
  add(work: WorkItem): void {
    this.#unsettled++
    if (work.attempt?.writes && work.outcome?.kind === 'succeeded') {
      this.#grouped.push(work)
      this.#beginGroups()
      return
    }
    this.#plain.push(work)
    // Half of what may be unsettled is on its way while the other half runs.
    if (!this.#flushing && this.#plain.length * 2 >= this.#parts.maxUnsettled) this.#beginPlain()
    else this.#schedule()
  }

  note(note: Note): void {
    this.#notes.push(note)
    this.#schedule()
  }

  /** When all that was added has been settled, or thrown away. */
  async drain(): Promise<void> {
    while (this.#unsettled > 0 || this.#notes.length > 0 || this.#flushing || this.#groups > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #schedule(): void {
    if (this.#flushing || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#beginPlain()
    })
  }

  #beginPlain(): void {
    if (this.#flushing || (this.#plain.length === 0 && this.#notes.length === 0)) return
    this.#flushing = true
    const batch = new SettlementBatch(this.#plain, this.#notes)
    this.#settling = this.#plain
    this.#plain = []
    this.#notes = []
    void this.#settle(batch, false).then(() => {
      this.#settling = []
      this.#flushing = false
      this.#beginGroups()
      this.#beginPlain()
      this.#tellIdle()
    })
  }

  #beginGroups(): void {
    while (this.#groups < groupsAtOnce && this.#grouped.length > 0) {
      const items = this.#takeGroup()
      if (items.length === 0) return
      this.#groups++
      void this.#settleGroup(items).then(() => {
        this.#groups--
        this.#beginGroups()
        this.#tellIdle()
      })
    }
  }

  /** No item settles before an earlier one of its key: those stay whose key has plain outcomes on their way. */
  #takeGroup(): WorkItem[] {
    const busy = new Set([...this.#plain, ...this.#settling].map((work) => work.entry.k))
    busy.delete(undefined)
    const taken: WorkItem[] = []
    const left: WorkItem[] = []
    for (const work of this.#grouped)
      (taken.length < groupSize && !busy.has(work.entry.k) ? taken : left).push(work)
    this.#grouped = left
    return taken
  }

  #tellIdle(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }

  /** Settles a batch, whatever it takes; what belongs to lost partitions is thrown away. Never throws. */
  async #settle(given: SettlementBatch, merge: boolean, ambiguous = false): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const batch = given.withoutLost()
      if (batch.size < given.size) this.#drop(given, batch)
      if (batch.size === 0) return
      given = batch
      const began = performance.now()
      try {
        if (!this.#parts.lease.isSafe) throw new CoatcheckError('LEASE_LOST', 'the lease is over')
        const { driver, schema } = this.#parts.database
        await runSettlement(driver, schema, this.#parts.bootId, batch.compose(performance.now(), merge))
        this.#finish(batch, began)
        return
      } catch (error) {
        const next = await this.#react(batch, error, ambiguous, merge)
        if (next === 'committed') return this.#finish(batch, began)
        if (next === 'split') return this.#split(batch, error)
        if (next === 'merge') return this.#settle(batch, true, ambiguous)
        ambiguous ||= isAmbiguous(error)
        if (next === 'wait') await wait(Math.min(20 * 2 ** attempt, 500))
      }
    }
  }

  async #react(
    batch: SettlementBatch,
    error: unknown,
    ambiguous: boolean,
    merge: boolean,
  ): Promise<'again' | 'wait' | 'committed' | 'split' | 'merge'> {
    if (
      isCoatcheckError(error, 'DATABASE_UNREACHABLE') ||
      isCoatcheckError(error, 'DATABASE_TIMEOUT') ||
      isCoatcheckError(error, 'LEASE_LOST')
    ) {
      if (!isCoatcheckError(error, 'LEASE_LOST'))
        this.#parts.events.emit('problem', { where: 'settle', error })
      return 'wait'
    }
    const code = (error as { code?: unknown } | undefined)?.code
    // Serialization failure, deadlock, lock timeout: nothing happened.
    if (code === '40001' || code === '40P01' || code === '55P03') return 'wait'
    if (code === 'CC004' || code === 'CC003') return this.#judgeFence(batch, ambiguous)
    if (code === '23505' && !merge) return 'merge'
    // Sent again it meets its own rows: broken items and holes are there before the fence can tell.
    if (code === '23505' && ambiguous && (await this.#judgeCommit(batch)) === 'committed') return 'committed'
    this.#parts.events.emit('problem', { where: 'settle', error })
    return 'split'
  }

  /** After the fence refused: partitions that are no longer ours are lost; if all are ours, an earlier try has committed. */
  async #judgeFence(batch: SettlementBatch, ambiguous: boolean): Promise<'again' | 'wait' | 'committed'> {
    const { driver, schema } = this.#parts.database
    let lost = false
    let isDone = true
    try {
      const ranges = batch.ranges()
      for (const partition of batch.partitions()) {
        const progress = await readProgress(
          driver,
          schema,
          partition,
          ranges.get(partition)?.toString() ?? '{}',
        )
        isDone &&= progress.done
        if (progress.owner === this.#parts.bootId && progress.epoch === partition.epoch) continue
        lost = true
        this.#parts.onFenced(partition)
      }
    } catch (error) {
      this.#parts.events.emit('problem', { where: 'settle', error })
      return 'wait'
    }
    if (lost) return 'again'
    if (ambiguous && isDone) return 'committed'
    // Ours, and refused all the same: what memory holds is not what the database has. Begin again from there.
    for (const partition of batch.partitions()) this.#parts.onFenced(partition)
    return 'again'
  }

  /** Something in the batch cannot be stored: settle the halves, down to the one; that one's attempt has failed. */
  async #split(batch: SettlementBatch, error: unknown): Promise<void> {
    if (batch.size > 1) {
      const [first, second] = batch.halves()
      await this.#settle(first, false)
      await this.#settle(second, false)
      return
    }
    const [work] = batch.items
    if (!work?.processor || !mayStoreLess(work)) {
      // Nothing to turn into a failure: what memory says of the partition cannot be stored. Begin again from the database.
      for (const partition of batch.partitions()) this.#parts.onFenced(partition)
      return this.#drop(batch, new SettlementBatch([], []))
    }
    // What the handler wrote beside its outcome may be what could not be stored.
    if (work.attempt) work.attempt.lines = work.attempt.progressText = undefined
    if (work.outcome?.kind === 'failed') work.partition.lanePutsUnderWay--
    const cause = new CoatcheckError(
      'RESULT_INVALID',
      `the outcome could not be stored: ${error instanceof Error ? error.message : String(error)}`,
    )
    work.outcome = { kind: 'broken', failure: failureRecord(toFailure(cause)) }
    await this.#settle(new SettlementBatch([work], []), true)
  }

  async #settleGroup(items: readonly WorkItem[]): Promise<void> {
    const mine = items.filter((work) => !work.partition.lost)
    const batch = new SettlementBatch(mine, [])
    if (mine.length < items.length) this.#drop(new SettlementBatch(items, []), batch)
    if (mine.length === 0) return
    const { driver, schema } = this.#parts.database
    const began = performance.now()
    try {
      if (!this.#parts.lease.isSafe) throw new CoatcheckError('LEASE_LOST', 'the lease is over')
      await driver.transaction(async (transaction) => {
        for (const work of mine) {
          for (const write of work.attempt?.writes ?? []) await runWrite(write, transaction)
        }
        // Merged, never plainly inserted: an index pass may be on its way beside this transaction.
        const last = settleStatement(schema, this.#parts.bootId, batch.compose(performance.now(), true))
        await transaction.runAndCommit(last.statement, last.values)
      })
      this.#finish(batch, began)
    } catch (error) {
      await this.#reactToGroup(mine, batch, error, began)
    }
  }

  async #reactToGroup(
    items: readonly WorkItem[],
    batch: SettlementBatch,
    error: unknown,
    began: number,
  ): Promise<void> {
    const code = (error as { code?: unknown } | undefined)?.code
    if (isAmbiguous(error) || code === 'CC004' || code === 'CC003') {
      const verdict = await this.#judgeCommit(batch)
      if (verdict === 'committed') return this.#finish(batch, began)
      // As in `judgeFence`; sent again it would be refused for ever.
      if (!isAmbiguous(error) && !items.some((work) => work.partition.lost))
        for (const partition of batch.partitions()) this.#parts.onFenced(partition)
      return this.#settleGroup(items)
    }
    const transient =
      isCoatcheckError(error, 'DATABASE_UNREACHABLE') ||
      isCoatcheckError(error, 'LEASE_LOST') ||
      code === '40001' ||
      code === '40P01'
    if (transient) {
      await wait(100)
      return this.#settleGroup(items)
    }
    if (items.length > 1) {
      for (const work of items) await this.#settleGroup([work])
      return
    }
    const [work] = items
    if (!work?.processor) return
    const thrown = new CoatcheckError(
      'AT_COMMIT_FAILED',
      `atCommit failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
    work.outcome = failed(work, work.processor.definition, thrown)
    // The dispatcher took it for a success; from here on the lane has to be asked for its key.
    if (work.outcome.kind === 'failed') work.partition.beginLanePut('failed')
    await this.#settle(new SettlementBatch([work], []), true)
  }

  /** Whether a transaction of ours with an unknown end has committed: its positions are done, or its lane rows gone. */
  async #judgeCommit(batch: SettlementBatch): Promise<'committed' | 'again'> {
    const { driver, schema } = this.#parts.database
    for (let attempt = 0; ; attempt++) {
      try {
        const ranges = batch.ranges()
        for (const partition of batch.partitions()) {
          const done = ranges.get(partition)?.toString() ?? '{}'
          const progress = await readProgress(driver, schema, partition, done)
          if (progress.owner !== this.#parts.bootId || progress.epoch !== partition.epoch)
            this.#parts.onFenced(partition)
          else if (done !== '{}') return progress.done ? 'committed' : 'again'
        }
        // All from the lane: the fence alone cannot tell; whoever repeats it meets CC003 if it was committed.
        const versions = await readLaneVersions(
          driver,
          schema,
          batch.items.map((work) => work.id),
        )
        return batch.items.every((work) => versions.get(work.id) === work.waiting?.version)
          ? 'again'
          : 'committed'
      } catch (error) {
        this.#parts.events.emit('problem', { where: 'settle', error })
        if (!this.#parts.lease.isSafe)
          for (const partition of batch.partitions()) this.#parts.onFenced(partition)
        await wait(Math.min(50 * 2 ** attempt, 500))
      }
    }
  }

  #finish(batch: SettlementBatch, began: number): void {
    for (const [partition, ranges] of batch.ranges())
      ranges.each((start, end) => partition.done.add(start, end))
    this.#unsettled -= batch.items.length
    for (const work of batch.items) this.#parts.onSettled(work)
    for (const note of batch.notes) note.onSettled?.()
    this.#parts.events.emit('settle.done', {
      items: batch.items.length,
      durationMs: performance.now() - began,
    })
    this.#parts.onRoom()
  }

  #drop(given: SettlementBatch, kept: SettlementBatch): void {
    this.#unsettled -= given.items.length - kept.items.length
    for (const note of given.notes) if (!kept.notes.includes(note)) note.onDropped?.()
    this.#parts.onRoom()
  }
}

/** Whether there is anything in the item's outcome that can be left out. */
function mayStoreLess({ outcome, attempt }: WorkItem): boolean {
  if (attempt?.lines !== undefined || attempt?.progressText !== undefined) return true
  return outcome?.kind === 'succeeded' || outcome?.kind === 'failed'
}
