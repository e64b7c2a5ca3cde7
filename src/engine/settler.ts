import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { failureRecord, toFailure } from '../define/failure.ts'
import { isAmbiguous } from '../store/driver.ts'
import { placesOf, runSettlement, settleStatement, type Settlement } from '../store/settlement.ts'
import type { AppendRow } from '../stream/stream.ts'
import type { EndedEntry } from './callback-item.ts'
import type { Gathered } from './enqueuer.ts'
import { failed } from './execute.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { isOfDatabase, judgeCommit, judgeFence, type JudgeParts } from './settle-verdict.ts'
import { SettlementBatch, type Note } from './settlement-batch.ts'
import { runWrite } from './user-write.ts'
import { isLanePut, isUnordered, mayStoreLess, type WorkItem } from './work-item.ts'

export interface SettlerParts extends JudgeParts {
  /** Nothing starts while so many have finished and are not settled. What runs by then may all end beside them. */
  readonly maxUnsettled: number
  /** The item's settle has committed. */
  readonly onSettled: (work: WorkItem) => void
  /** The partitions of queues have changed that handlers have enqueued for: places it anew. */
  readonly onPartitionsChanged: (gathered: readonly Gathered[]) => Promise<void>
  /** Makes log rows of the items that end and have a callback. */
  readonly toCallbacks: (ended: readonly EndedEntry[]) => AppendRow[]
  /** Callbacks have gone into the log. */
  readonly onCallbacks: (places: SettlementBatch['callbackPlaces']) => void
  /** There is room again for finished items. */
  readonly onRoom: () => void
}

/** A settle has no more items than may be unsettled, nor, where that is few, than this. */
const fewestAtMost = 500
const groupSize = 20
const groupsAtOnce = 2

interface UnderWay {
  readonly batch: SettlementBatch
  /** Whether it has more than items without a key. */
  readonly isOrdered: boolean
}

/**
 * Settles what has finished. Plain outcomes go in one statement each time, one after the other in the order they finished,
 * except that items without a key have no order: a batch of them may be under way beside another. Those with `atCommit` go in
 * groups of their own, so that nobody waits for other people's callbacks.
 */
export class Settler {
  readonly #parts: SettlerParts
  readonly #atOnce: number
  /** Plain outcomes that have an order among them, and those without a key, which have none. */
  #ordered: WorkItem[] = []
  #free: WorkItem[] = []
  #notes: Note[] = []
  #grouped: WorkItem[] = []
  #underWay: readonly UnderWay[] = []
  #groups = 0
  #scheduled = false
  /** A settle is about to be sent: handlers that start now would run before it is on its way. */
  #sending = false
  /** What has committed and has not been told of. */
  #committed: SettlementBatch[] = []
  #unsettled = 0
  #idle: (() => void)[] = []

  constructor(parts: SettlerParts) {
    this.#parts = parts
    // Over one connection they would only wait for each other.
    this.#atOnce = parts.database.driver.kind === 'pglite' ? 1 : 2
  }

  /**
   * Whether another item may start beside those that run: they may all end before the next settle commits. What runs and what is
   * unsettled are together never more than `maxUnsettled`, or half of it and all that may run at once.
   */
  hasRoom(running: number): boolean {
    const { maxUnsettled } = this.#parts
    // More at once than that may be unsettled: half of it is left to those that have finished.
    return !this.#sending && this.#unsettled + Math.min(running, maxUnsettled >> 1) < maxUnsettled
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
    const isFree = isUnordered(work)
    if (isFree) this.#free.push(work)
    else this.#ordered.push(work)
    // Half of what may be unsettled is on its way while the other half runs.
    if ((this.#free.length + this.#ordered.length) * 2 >= this.#parts.maxUnsettled) this.#begin()
    else if (!isFree || this.#underWay.length === 0) this.#schedule()
  }

  note(note: Note): void {
    this.#notes.push(note)
    this.#schedule()
  }

  /** Whether notes of a partition wait, or are on their way. */
  hasNotes(partition: OwnedPartition): boolean {
    return [this.#notes, ...this.#underWay.map(({ batch }) => batch.notes)].some((notes) =>
      notes.some((note) => note.partition === partition),
    )
  }

  /** When all that was added has been settled, or thrown away. */
  async drain(): Promise<void> {
    while (this.#unsettled > 0 || this.#notes.length > 0 || this.#underWay.length > 0 || this.#groups > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#begin()
    })
  }

  #begin(): void {
    const next = this.#next()
    if (!next) return
    this.#underWay = [...this.#underWay, next]
    this.#holdStarts()
    void this.#settle(next.batch, false).then(() => {
      this.#underWay = this.#underWay.filter((other) => other !== next)
      // The next one first: while it is on its way there is time for all else.
      this.#begin()
      this.#tell()
      this.#beginGroups()
      this.#tellIdle()
    })
  }

  /** What may be settled now beside what is under way. */
  #next(): UnderWay | undefined {
    const [other] = this.#underWay
    if (!other) return this.#take(true)
    // Notes go alone: what an index pass has seen must not overlap a settle of its partition.
    if (this.#notes.length > 0 || other.batch.notes.length > 0) return undefined
    if (this.#underWay.length >= this.#atOnce) return undefined
    if (this.#ordered.length > 0 && !other.isOrdered) return this.#take(true)
    return this.#free.length * 2 >= this.#parts.maxUnsettled ? this.#take(false) : undefined
  }

  #take(withOrdered: boolean): UnderWay | undefined {
    const isOrdered = withOrdered && (this.#ordered.length > 0 || this.#notes.length > 0)
    const most = Math.max(this.#parts.maxUnsettled, fewestAtMost)
    const ordered = isOrdered ? this.#ordered.slice(0, most) : []
    const free = this.#free.slice(0, most - ordered.length)
    if (isOrdered) this.#ordered = this.#ordered.slice(ordered.length)
    this.#free = this.#free.slice(free.length)
    // Notes keep their place behind what had ended before them.
    const withNotes = isOrdered && this.#ordered.length === 0 && this.#free.length === 0
    const batch = new SettlementBatch([...ordered, ...free], withNotes ? this.#notes : [])
    if (batch.size === 0) return undefined
    if (withNotes) this.#notes = []
    return { batch, isOrdered }
  }

  /** Nothing starts until the settle that has begun is in the hands of the network. */
  #holdStarts(): void {
    if (this.#sending) return
    this.#sending = true
    setImmediate(() => {
      this.#sending = false
      this.#parts.onRoom()
    })
  }

  /** Tells of what has committed. */
  #tell(): void {
    const committed = this.#committed
    if (committed.length === 0) return
    this.#committed = []
    for (const batch of committed) {
      for (const work of batch.items) this.#parts.onSettled(work)
      for (const note of batch.notes) note.onSettled?.()
      if (batch.callbackPlaces.length > 0) this.#parts.onCallbacks(batch.callbackPlaces)
    }
    this.#parts.onRoom()
  }

  #beginGroups(): void {
    while (this.#groups < groupsAtOnce && this.#grouped.length > 0) {
      const items = this.#takeGroup()
      if (items.length === 0) return
      this.#groups++
      void this.#settleGroup(items).then(() => {
        this.#groups--
        this.#tell()
        this.#beginGroups()
        this.#tellIdle()
      })
    }
  }

  /** No item settles before an earlier one of its key: those stay whose key has plain outcomes on their way. */
  #takeGroup(): WorkItem[] {
    const plain = [...this.#ordered, ...this.#underWay.flatMap(({ batch }) => batch.items)]
    const busy = new Set(plain.map((work) => work.entry.k))
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
        batch.note(await runSettlement(driver, schema, this.#parts.bootId, this.#compose(batch, merge)))
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
    if (isOfDatabase(error, false)) {
      // That a lock was held is nothing to tell, nor what the heartbeat has told.
      if (isCoatcheckError(error) && error.code !== 'LEASE_LOST')
        this.#parts.events.emit('problem', { where: 'settle', error })
      return 'wait'
    }
    const code = (error as { code?: unknown } | undefined)?.code
    if (code === 'CC001') return this.#placeAgain(batch)
    if (code === 'CC004' || code === 'CC003') return judgeFence(this.#parts, batch, ambiguous)
    if (code === '23505' && !merge) return 'merge'
    // Sent again it meets its own rows: broken items and holes are there before the fence can tell.
    if (code === '23505' && ambiguous && (await judgeCommit(this.#parts, batch)) === 'committed')
      return 'committed'
    this.#parts.events.emit('problem', { where: 'settle', error })
    return 'split'
  }

  /** Nothing of it happened: what its handlers have enqueued counts with partitions that are not there any more. */
  async #placeAgain(batch: SettlementBatch): Promise<'again' | 'wait'> {
    try {
      await this.#parts.onPartitionsChanged(batch.items.flatMap(({ attempt }) => attempt?.gathered ?? []))
      return 'again'
    } catch (error) {
      this.#parts.events.emit('problem', { where: 'settle', error })
      return 'wait'
    }
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
    if (isLanePut(work)) work.partition.lanePutsUnderWay--
    const cause = new CoatcheckError(
      'RESULT_INVALID',
      `the outcome could not be stored: ${error instanceof Error ? error.message : String(error)}`,
    )
    work.outcome = { kind: 'broken', failure: failureRecord(toFailure(cause)) }
    if (isLanePut(work)) work.partition.beginLanePut('broken')
    await this.#settle(new SettlementBatch([work], []), true)
  }

  async #settleGroup(items: readonly WorkItem[]): Promise<void> {
    const mine = items.filter((work) => !work.partition.lost)
    const batch = new SettlementBatch(mine, [])
    if (mine.length < items.length) this.#drop(new SettlementBatch(items, []), batch)
    if (mine.length === 0) return
    const { driver, schema } = this.#parts.database
    const began = performance.now()
    let isWriting = false
    try {
      if (!this.#parts.lease.isSafe) throw new CoatcheckError('LEASE_LOST', 'the lease is over')
      await driver.transaction(async (transaction) => {
        isWriting = true
        for (const work of mine) {
          for (const write of work.attempt?.writes ?? []) await runWrite(write, transaction)
        }
        isWriting = false
        // Merged, never plainly inserted: an index pass may be on its way beside this transaction.
        const last = settleStatement(schema, this.#parts.bootId, this.#compose(batch, true))
        batch.note(placesOf(await transaction.runAndCommit(last.statement, last.values)))
      })
      this.#finish(batch, began)
    } catch (error) {
      await this.#reactToGroup(mine, batch, error, began, isWriting)
    }
  }

  async #reactToGroup(
    items: readonly WorkItem[],
    batch: SettlementBatch,
    error: unknown,
    began: number,
    isOfWrite: boolean,
  ): Promise<void> {
    const code = (error as { code?: unknown } | undefined)?.code
    if (isAmbiguous(error) || code === 'CC004' || code === 'CC003') {
      const verdict = await judgeCommit(this.#parts, batch)
      if (verdict === 'committed') return this.#finish(batch, began)
      // As in `judgeFence`; sent again it would be refused for ever.
      if (!isAmbiguous(error) && !items.some((work) => work.partition.lost))
        for (const partition of batch.partitions()) this.#parts.onFenced(partition)
      return this.#settleGroup(items)
    }
    if (code === 'CC001') {
      if ((await this.#placeAgain(batch)) === 'wait') await wait(100)
      return this.#settleGroup(items)
    }
    if (isOfDatabase(error, isOfWrite)) {
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
    if (isLanePut(work)) work.partition.beginLanePut(work.outcome.kind)
    await this.#settle(new SettlementBatch([work], []), true)
  }

  #compose(batch: SettlementBatch, merge: boolean): Settlement {
    return batch.compose(performance.now(), merge, this.#parts.toCallbacks)
  }

  #finish(batch: SettlementBatch, began: number): void {
    for (const [partition, ranges] of batch.ranges())
      ranges.each((start, end) => partition.done.add(start, end))
    this.#unsettled -= batch.items.length
    this.#committed.push(batch)
    this.#parts.events.emit('settle.done', {
      items: batch.items.length,
      durationMs: performance.now() - began,
    })
  }

  #drop(given: SettlementBatch, kept: SettlementBatch): void {
    this.#unsettled -= given.items.length - kept.items.length
    for (const note of given.notes) if (!kept.notes.includes(note)) note.onDropped?.()
    this.#parts.onRoom()
  }
}
