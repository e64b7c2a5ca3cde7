import { setTimeout as wait } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { failureRecord, toFailure } from '../define/failure.ts'
import { isAmbiguous } from '../store/driver.ts'
import { placesOf, runSettlement, settleStatement, type Settlement } from '../store/settlement.ts'
import type { AppendRow } from '../stream/stream.ts'
import type { EndedEntry } from './callback-item.ts'
import { failed } from './execute.ts'
import { GatherRoom, shareOf, type Gathered } from './gathered.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { cannotBeStored, tooLarge, writesFailed } from './settle-failure.ts'
import { SettleQueue, type NextSettle } from './settle-queue.ts'
import {
  isOfDatabase,
  isTooMuch,
  judgeCommit,
  judgeFence,
  type JudgeParts,
  type Tried,
} from './settle-verdict.ts'
import { SettlementBatch, type Note } from './settlement-batch.ts'
import { runWrite } from './user-write.ts'
import { isLanePut, mayStoreLess, type WorkItem } from './work-item.ts'

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

/**
 * Settles what has finished. Plain outcomes go in one statement each time, one after the other in the order they finished,
 * except that items without a key have no order: a batch of them may be under way beside another. Those with `atCommit` go in
 * groups of their own, so that nobody waits for other people's callbacks.
 */
export class Settler {
  readonly #parts: SettlerParts
  readonly #atOnce: number
  readonly #queue: SettleQueue
  #grouped: WorkItem[] = []
  #underWay: readonly NextSettle[] = []
  #groups = 0
  #scheduled = false
  /** A settle is about to be sent: handlers that start now would run before it is on its way. */
  #sending = false
  /** What has committed and has not been told of. */
  #committed: SettlementBatch[] = []
  #unsettled = 0
  /** How many items more what unsettled ones have enqueued counts for. */
  #gathered = 0
  #idle: (() => void)[] = []

  constructor(parts: SettlerParts) {
    this.#parts = parts
    this.#queue = new SettleQueue(Math.max(parts.maxUnsettled, fewestAtMost))
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
    const unsettled = this.#unsettled + this.#gathered
    return !this.#sending && unsettled + Math.min(running, maxUnsettled >> 1) < maxUnsettled
  }

  get unsettled(): number {
    return this.#unsettled
  }

  /** Takes an item whose outcome is known. */
  add(work: WorkItem): void {
    this.#unsettled++
    this.#gathered += shareOf(work, this.#parts.maxUnsettled)
    if (work.attempt?.writes && work.outcome?.kind === 'succeeded') {
      this.#grouped.push(work)
      this.#beginGroups()
      return
    }
    const isFree = this.#queue.add(work)
    // Half of what may be unsettled is on its way while the other half runs.
    if (this.#queue.size * 2 >= this.#parts.maxUnsettled) this.#begin()
    else if (!isFree || this.#underWay.length === 0) this.#schedule()
  }

  note(note: Note): void {
    this.#queue.addNote(note)
    this.#schedule()
  }

  /** Whether notes of a partition wait, or are on their way. */
  hasNotes(partition: OwnedPartition): boolean {
    const underWay = this.#underWay.flatMap(({ batch }) => batch.notes)
    return this.#queue.hasNotes(partition) || underWay.some((note) => note.partition === partition)
  }

  /** When all that was added has been settled, or thrown away. */
  async drain(): Promise<void> {
    while (this.#unsettled + this.#queue.notes.length + this.#underWay.length + this.#groups > 0)
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
    void this.#settle(next.batch).then(() => {
      this.#underWay = this.#underWay.filter((other) => other !== next)
      // The next one first: while it is on its way there is time for all else.
      this.#begin()
      this.#tell()
      this.#beginGroups()
      this.#tellIdle()
    })
  }

  /** What may be settled now beside what is under way. */
  #next(): NextSettle | undefined {
    const queue = this.#queue
    const [other] = this.#underWay
    if (!other) return queue.take(true)
    // Notes go alone: what an index pass has seen must not overlap a settle of its partition.
    if (queue.notes.length > 0 || other.batch.notes.length > 0) return undefined
    if (this.#underWay.length >= this.#atOnce) return undefined
    if (queue.ordered.length > 0 && !other.isOrdered) return queue.take(true)
    return queue.free * 2 >= this.#parts.maxUnsettled ? queue.take(false) : undefined
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
    const plain = [...this.#queue.ordered, ...this.#underWay.flatMap(({ batch }) => batch.items)]
    const busy = new Set(plain.map((work) => work.entry.k))
    busy.delete(undefined)
    const taken: WorkItem[] = []
    const left: WorkItem[] = []
    const room = new GatherRoom()
    for (const work of this.#grouped)
      (taken.length < groupSize && !busy.has(work.entry.k) && room.take(work) ? taken : left).push(work)
    this.#grouped = left
    return taken
  }

  #tellIdle(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }

  /** Settles a batch, whatever it takes; what belongs to lost partitions is thrown away. Never throws. */
  async #settle(given: SettlementBatch, tried: Tried = {}): Promise<void> {
    const { merge = false } = tried
    let { ambiguous = false, timeouts = 0 } = tried
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
        if (next === 'split') return this.#split(batch, error, ambiguous)
        if (next === 'merge') return this.#settle(batch, { merge: true, ambiguous, timeouts })
        ambiguous ||= isAmbiguous(error)
        // Once may be by chance.
        const isLate = isCoatcheckError(error, 'DATABASE_TIMEOUT') && timeouts++ > 0
        if (isLate && (await isTooMuch(this.#parts, batch))) return this.#divide(batch, error, ambiguous)
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
  async #split(batch: SettlementBatch, error: unknown, ambiguous: boolean): Promise<void> {
    if (batch.size > 1) {
      for (const half of batch.halves()) await this.#settle(half, { ambiguous })
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
    work.outcome = { kind: 'broken', failure: failureRecord(toFailure(cannotBeStored(error))) }
    if (isLanePut(work)) work.partition.beginLanePut('broken')
    await this.#settle(new SettlementBatch([work], []), { merge: true, ambiguous })
  }

  /** Too much for one settle, though the database answers: in two, down to the one that leaves too much. */
  async #divide(batch: SettlementBatch, error: unknown, ambiguous: boolean): Promise<void> {
    const [work] = batch.items
    if (batch.size === 1 && work) return this.#fail(work, tooLarge(error), ambiguous)
    for (const part of batch.divided()) await this.#settle(part, { ambiguous, timeouts: 1 })
  }

  /** The dispatcher took it for a success; what comes after it in its key has waited. */
  async #fail(work: WorkItem, thrown: CoatcheckError, ambiguous = false): Promise<void> {
    if (!work.processor) return
    work.outcome = failed(work, work.processor.definition, thrown)
    // From here on the lane has to be asked for its key.
    if (isLanePut(work)) work.partition.beginLanePut(work.outcome.kind)
    await this.#settle(new SettlementBatch([work], []), { merge: true, ambiguous })
  }

  /** @param timeouts how often its settle, apart from its writes, has taken too long */
  async #settleGroup(items: readonly WorkItem[], timeouts = 0): Promise<void> {
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
      await this.#reactToGroup(batch, error, began, isWriting, timeouts)
    }
  }

  async #reactToGroup(
    batch: SettlementBatch,
    error: unknown,
    began: number,
    isOfWrite: boolean,
    timeouts: number,
  ): Promise<void> {
    const { items } = batch
    const code = (error as { code?: unknown } | undefined)?.code
    const isLate = !isOfWrite && isCoatcheckError(error, 'DATABASE_TIMEOUT')
    if (isAmbiguous(error) || code === 'CC004' || code === 'CC003') {
      const verdict = await judgeCommit(this.#parts, batch)
      if (verdict === 'committed') return this.#finish(batch, began)
      // As in `judgeFence`; sent again it would be refused for ever.
      if (!isAmbiguous(error) && !items.some((work) => work.partition.lost))
        for (const partition of batch.partitions()) this.#parts.onFenced(partition)
    } else if (code === 'CC001') {
      if ((await this.#placeAgain(batch)) === 'wait') await wait(100)
    } else if (isOfDatabase(error, isOfWrite)) await wait(100)
    else return this.#eachAlone(items, writesFailed(error))
    if (isLate && timeouts > 0 && (await isTooMuch(this.#parts, batch)))
      return this.#eachAlone(items, tooLarge(error), 1)
    return this.#settleGroup(items, isLate ? timeouts + 1 : timeouts)
  }

  /** To find the one whose fault it is; that one's attempt has failed. */
  async #eachAlone(items: readonly WorkItem[], thrown: CoatcheckError, timeouts = 0): Promise<void> {
    const [first, ...others] = items
    if (first && others.length === 0) return this.#fail(first, thrown, isAmbiguous(thrown.cause))
    for (const work of items) await this.#settleGroup([work], timeouts)
  }

  #compose(batch: SettlementBatch, merge: boolean): Settlement {
    return batch.compose(performance.now(), merge, this.#parts.toCallbacks)
  }

  #finish(batch: SettlementBatch, began: number): void {
    for (const [partition, ranges] of batch.ranges())
      ranges.each((start, end) => partition.done.add(start, end))
    this.#forget(batch.items)
    this.#committed.push(batch)
    this.#parts.events.emit('settle.done', {
      items: batch.items.length,
      durationMs: performance.now() - began,
    })
  }

  #drop(given: SettlementBatch, kept: SettlementBatch): void {
    this.#forget(given.items.filter((work) => !kept.items.includes(work)))
    for (const note of given.notes) if (!kept.notes.includes(note)) note.onDropped?.()
    this.#parts.onRoom()
  }

  #forget(items: readonly WorkItem[]): void {
    this.#unsettled -= items.length
    if (this.#gathered > 0)
      for (const work of items) this.#gathered -= shareOf(work, this.#parts.maxUnsettled)
  }
}
