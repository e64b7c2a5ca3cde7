import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import { clearPartition, readSuspects } from '../store/crashes.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { AcquiredRow } from '../store/partitions.ts'
import { CrashJudge } from './crash-judge.ts'
import { CrashMarks, type MarkedMore } from './crash-marks.ts'
import {
  crashFailure,
  isCleared,
  isOver,
  mayStart,
  modeOf,
  treatmentOf,
  type CrashMode,
} from './crash-rules.ts'
import type { Dispatcher } from './dispatcher.ts'
import { isBack, isOpen, isStuck, mayCrash } from './marked-work.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { SuspectSearch, type SuspectSearchParts } from './suspect-search.ts'
import type { WorkItem } from './work-item.ts'

export interface CrashGuardParts {
  readonly database: OpenDatabase
  readonly bootId: string
  readonly dispatcher: Dispatcher
  readonly events: Events
  /** What this node runs. */
  readonly definitions: SuspectSearchParts['definitions']
  readonly onFenced: (partition: OwnedPartition) => void
}

/** A partition whose last owners died, until nothing is left of what they may have been running. */
interface Guarded {
  readonly since: number
  readonly suspectTo: number
  isUnclean: boolean
  /** Crashes charged to the items that are suspected, by id. */
  suspects: Map<string, number>
  mode: CrashMode
}

const checkMs = 1_000
/** Of those that run alone, so many are written down at once. */
const longestLine = 200
/** After a mark that could not be written. */
const againAfterMs = 250

/**
 * Starts items on a node that took a partition from a dead one (rule 7). Each wave of starts, of all its partitions, is
 * written down before it starts; what ran by its marks when its node died runs with nothing beside it. Only where nothing was
 * taken from the dead is it off, and costs nothing.
 */
export class CrashGuard implements Part {
  readonly #parts: CrashGuardParts
  readonly #loop: Loop
  readonly #judge: CrashJudge
  readonly #search: SuspectSearch
  readonly #guarded = new Map<OwnedPartition, Guarded>()
  /** What is written down, or will be with the next wave. */
  #started = new Set<WorkItem>()
  readonly #marks: CrashMarks
  /** Suspects whose turn in their key has come. They hold no slot. */
  #waiting: WorkItem[] = []
  #alone: WorkItem | undefined
  #isOn = false
  /** The node has lost its lease, and it is not known yet whether something held it up. */
  #isHeld = false
  #working: Promise<void> | undefined
  #again = false
  #checkIsDue = false
  #stopped = false

  constructor(parts: CrashGuardParts) {
    this.#parts = parts
    this.#marks = new CrashMarks(parts)
    this.#judge = new CrashJudge(parts)
    this.#search = new SuspectSearch({ ...parts, onNone: () => this.#checkNow() })
    this.#loop = new Loop(
      async () => {
        if (this.#isOn) this.#checkNow()
        return checkMs
      },
      (error) => parts.events.emit('problem', { where: 'crash-guard', error }),
    )
  }

  /** While it is, nothing starts but through it. */
  get isOn(): boolean {
    return this.#isOn
  }

  async start(): Promise<void> {
    await this.#loop.start()
    await this.#search.start()
  }

  /** Nothing starts any more, and what still runs is nobody's fault. Where that could not be written, it is tried when asked again. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#loop.stop()
    await this.#search.stop()
    await this.#working
    if (!this.#isOn) return
    await this.#marks.forgetCleared()
    await this.#marks.remove()
    this.#isOn = false
  }

  /** Visits the suspects that are ready to start and wait until nothing runs beside them. */
  eachWaiting(visit: (work: WorkItem) => void): void {
    for (const work of this.#waiting) visit(work)
  }

  /** Judges the deaths of other nodes. After a partition was acquired, and before it is adopted. */
  judge(): Promise<void> {
    return this.#judge.judge()
  }

  /** The lease is lost: what is written down stays, until it is known why. */
  hold(): void {
    this.#isHeld = true
  }

  /** The lease is back. @param wasStuck a handler held the event loop until it had run out: that is as good as a death */
  async comeBack(wasStuck: boolean): Promise<void> {
    if (wasStuck) await this.#judge.judge(true)
    else await this.#judge.withdraw()
    this.#isHeld = false
  }

  /** Takes a partition that has just been acquired, before anything of it starts. Deaths have been judged before. */
  async adopt(partition: OwnedPartition, row: AcquiredRow): Promise<void> {
    const suspects = await this.#readSuspects(partition)
    if (!row.isUnclean && suspects.size === 0) return
    const { isUnclean, suspectTo } = row
    const mode = modeOf({ isUnclean, suspects: suspects.size })
    this.#guarded.set(partition, { since: performance.now(), suspectTo, isUnclean, suspects, mode })
    this.#tellMode(partition, mode, suspects.size)
    if (this.#isOn) return
    this.#isOn = true
    // They may end the node as well as what comes now, also a handler that has not ended long after it was told to.
    for (const work of this.#parts.dispatcher.runningItems()) this.#started.add(work)
  }

  /** Starts what may start. */
  pump(): void {
    if (this.#stopped) return
    if (!this.#alone && this.#waiting.length === 0) this.#start(this.#marks.ahead.reserve())
    this.#again = true
    if (this.#working) return
    this.#working = this.#work()
  }

  #checkNow(): void {
    this.#checkIsDue = true
    this.pump()
  }

  async #work(): Promise<void> {
    // Not within whoever asks for it: that one may be in the middle of something.
    await Promise.resolve()
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false
        if (this.#checkIsDue) await this.#check()
        if (this.#isOn) await this.#round()
      }
    } catch (error) {
      this.#parts.events.emit('problem', { where: 'crash-guard', error })
      this.#loop.wake(againAfterMs)
    }
    this.#working = undefined
    if (!this.#isOn) this.#parts.dispatcher.pump()
  }

  async #round(): Promise<void> {
    const { dispatcher } = this.#parts
    await this.#concludeAlone()
    for (const work of this.#started) this.#marks.isOutdated ||= isOpen(work) && isBack(work)
    if (this.#marks.ahead.dropLost()) this.#marks.isOutdated = true
    this.#started = new Set([...this.#started].filter(mayCrash))
    this.#sift()
    const verdict = mayStart({
      hasLoner: this.#alone !== undefined,
      suspects: this.#waiting.length,
      running: dispatcher.runningItems().filter((work) => !isStuck(work)).length,
      unsettled: dispatcher.unsettled,
    })
    if (verdict === 'all') await this.#startWave()
    else if (verdict === 'a-suspect') await this.#startAlone()
    // Nothing was written down in its place, and what does not run would be charged with what ends the node.
    if (this.#marks.isOutdated) await this.#mark(this.#beside(this.#alone !== undefined))
  }

  /** What has become of the one that ran alone. */
  async #concludeAlone(): Promise<void> {
    const work = this.#alone
    if (!work || (isOpen(work) && !isStuck(work) && !isBack(work))) return
    const guarded = this.#guarded.get(work.partition)
    // It has not ended, and would be charged with what ends the node behind it.
    if (isOpen(work) || work.partition.lost) this.#marks.breakLine()
    else if (guarded && isCleared(work.outcome?.kind, guarded.suspects.get(work.id) ?? 0)) {
      this.#marks.clear(work)
      guarded.suspects.delete(work.id)
      this.#checkIsDue ||= guarded.suspects.size === 0
    }
    this.#alone = undefined
  }

  /** Those that wait no more: cancelled, of a partition that is gone or about to go. */
  #sift(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const work of waiting) {
      if (work.partition.draining || !work.partition.control.isRunning) this.#parts.dispatcher.putBack(work)
      else if (!work.outcome && !work.partition.lost) this.#waiting.push(work)
    }
  }

  async #startWave(): Promise<void> {
    const { dispatcher } = this.#parts
    await this.#refresh()
    const wave: WorkItem[] = []
    for (const work of dispatcher.reserveReady()) {
      const crashes = this.#crashesOf(work)
      const treatment = treatmentOf(crashes)
      if (treatment === 'start') wave.push(work)
      else {
        dispatcher.free(work)
        if (treatment === 'break') dispatcher.break(work, crashFailure(crashes ?? 0))
        else this.#waiting.push(work)
        this.#again = true
      }
    }
    // Those that were charged already: what they do, others would have to wait for once more on the next node.
    this.#waiting.sort((a, b) => (this.#crashesOf(b) ?? 0) - (this.#crashesOf(a) ?? 0))
    this.#marks.ahead.leave(wave)
    const ahead = this.#ahead(wave.length)
    if (wave.length === 0 && ahead.length <= this.#marks.ahead.size) return
    if (await this.#markForStart(wave, [...this.#beside(false), ...wave], { ahead })) this.#start(wave)
  }

  /** What is to be written down ahead, beside so many that are about to start. */
  #ahead(starting: number): WorkItem[] {
    const { ahead } = this.#marks
    if (this.#waiting.length > 0 || (starting === 0 && !ahead.isLow)) return []
    return ahead.next(starting, (work) => this.#crashesOf(work) === undefined)
  }

  /** Crashes charged to an item that is suspected. */
  #crashesOf({ partition, id }: WorkItem): number | undefined {
    return this.#guarded.get(partition)?.suspects.get(id)
  }

  /** Where items are about to be broken: a person may have requeued one since, and then nothing is charged to it any more. */
  async #refresh(): Promise<void> {
    for (const [partition, guarded] of this.#guarded)
      if ([...guarded.suspects.values()].some((crashes) => treatmentOf(crashes) === 'break'))
        guarded.suspects = await this.#readSuspects(partition)
  }

  async #startAlone(): Promise<void> {
    const work = this.#waiting.shift()
    if (!work) return
    if (!this.#parts.dispatcher.reserve(work)) {
      this.#waiting.unshift(work)
      return
    }
    const line = [work, ...this.#waiting.slice(0, longestLine - 1)]
    const isMarked =
      this.#marks.isNextInLine(work) || (await this.#markForStart([work], this.#beside(true), { line }))
    if (!isMarked) return
    this.#marks.advanceLine()
    // Not before it has started: had it been put back, nothing would ever end it as the loner.
    if (this.#start([work])) this.#alone = work
    else this.#marks.breakLine()
  }

  /** Writes down what is about to start, or gives its slots back. */
  async #markForStart(
    works: readonly WorkItem[],
    beside: readonly WorkItem[],
    more: MarkedMore,
  ): Promise<boolean> {
    const { dispatcher } = this.#parts
    let isMarked = false
    try {
      isMarked = await this.#mark(beside, more)
    } finally {
      if (!isMarked) {
        for (const work of works) dispatcher.free(work)
        for (const work of works) dispatcher.putBack(work)
      }
    }
    return isMarked
  }

  /** Starts items that have a slot and are written down. @returns whether any has started */
  #start(works: readonly WorkItem[]): boolean {
    for (const work of works) this.#started.add(work)
    let started = false
    for (const work of works) started = this.#parts.dispatcher.startReserved(work) || started
    return started
  }

  /** What stays written down, beside what is about to start or beside one that runs alone. */
  #beside(isAlone: boolean): WorkItem[] {
    // A handler that never settles would be open beside whatever ends the node, which could never be charged then.
    return [...this.#started].filter((work) => mayCrash(work) && !(isAlone && isStuck(work)))
  }

  async #mark(beside: readonly WorkItem[], more?: MarkedMore): Promise<boolean> {
    const isWritten = await this.#marks.write(beside, more)
    if (!isWritten) this.#loop.wake(againAfterMs)
    return isWritten
  }

  /** Whether what was suspected of the partitions has ended; marks are not needed any more when it has in all of them. */
  async #check(): Promise<void> {
    this.#checkIsDue = false
    await this.#marks.forgetCleared()
    for (const [partition, guarded] of this.#guarded) {
      if (!partition.lost) await this.#checkPartition(partition, guarded)
      if (!partition.lost && guarded.mode !== 'normal') continue
      this.#guarded.delete(partition)
      this.#search.forget(partition)
    }
    if (this.#isHeld || this.#guarded.size > 0 || this.#waiting.length > 0 || this.#alone) return
    // Before anything starts unmarked: what is written down would be all that the node runs.
    await this.#marks.remove()
    if (this.#guarded.size > 0) {
      // One was acquired meanwhile: what runs is written down again, or what starts next would look as if it ran alone.
      await this.#mark(this.#beside(false))
      return
    }
    this.#started.clear()
    this.#isOn = false
  }

  async #checkPartition(partition: OwnedPartition, guarded: Guarded): Promise<void> {
    const { database, bootId } = this.#parts
    const { driver, schema } = database
    if (guarded.suspects.size > 0) guarded.suspects = await this.#readSuspects(partition)
    if (guarded.isUnclean) {
      const over = isOver({
        suspects: guarded.suspects.size,
        watermark: partition.done.watermark,
        suspectTo: guarded.suspectTo,
        sinceMs: performance.now() - guarded.since,
      })
      // The lane is asked beside the rounds: nothing may keep what is ready from being started.
      if (over === 'yes' || (over === 'ask-lane' && !this.#search.mayHold(partition))) {
        await clearPartition(driver, schema, bootId, partition)
        guarded.isUnclean = false
      }
    }
    const mode = modeOf({ isUnclean: guarded.isUnclean, suspects: guarded.suspects.size })
    if (mode === guarded.mode || partition.lost) return
    guarded.mode = mode
    this.#tellMode(partition, mode, guarded.suspects.size)
  }

  async #readSuspects(partition: OwnedPartition): Promise<Map<string, number>> {
    const { driver, schema } = this.#parts.database
    const rows = await readSuspects(driver, schema, partition)
    return new Map(rows.map(({ id, crashes }) => [id, crashes]))
  }

  #tellMode({ queue, partition }: OwnedPartition, mode: CrashMode, suspects: number): void {
    this.#parts.events.emit('partition.mode', { queue, partition, mode, suspects })
  }
}
