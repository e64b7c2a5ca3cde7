import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { itemsPerRow, parseItemId } from '../base/ids.ts'
import { Loop, type Part } from '../base/part.ts'
import type { Definition } from '../define/definition.ts'
import type { LocatedItem } from '../store/act-items.ts'
import { actChannel, readOpenActs, type OpenAct } from '../store/acts.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { WaitingRow } from '../store/waiting-items.ts'
import { decideAct, kindOf } from './act-decision.ts'
import { lookUpItems, maxCarriedSize } from './act-look-up.ts'
import type { ActNote, DecidedAct } from './act-note.ts'
import { maxActGaps, mayFit, outcomeOf, planActs, plannedOf, type ActPlan } from './act-plan.ts'
import { findInMemory } from './act-search.ts'
import type { CrashGuard } from './crash-guard.ts'
import type { ActGate, Dispatcher } from './dispatcher.ts'
import { maxOpenActs, OpenActs, type PendingAct } from './open-acts.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Processor } from './processor.ts'
import type { Settler } from './settler.ts'
import type { Outcome, WorkItem } from './work-item.ts'

export interface ActsParts {
  readonly database: OpenDatabase
  readonly events: Events
  readonly owned: ReadonlyMap<string, OwnedPartition>
  readonly processors: ReadonlyMap<string, Processor>
  readonly definitions: ReadonlyMap<string, Definition>
  readonly dispatcher: Dispatcher
  readonly settler: Settler
  readonly guard: CrashGuard
  now(): number
  /** Lane rows of these partitions may start. */
  readonly onLaneChange: () => void
  /** Items went into the log. */
  readonly onAppended: (partition: OwnedPartition) => void
  /** An item has ended by an act. */
  readonly onEnded: (item: string) => void
  /** One that was not in memory was cancelled. */
  readonly onCancelled: (queue: number) => void
}

/** How often owners look for acts without a hint. */
const pollMs = 400
/** While acts wait for their items. */
const watchMs = 200
const actsAtOnce = 500

/** Decides the acts on items of this node's partitions (rule 9): in memory, in the lanes, or in the log before it is read. */
export class Acts implements Part, ActGate {
  readonly #parts: ActsParts
  readonly #loop: Loop
  readonly #told = new WeakMap<WorkItem, PendingAct>()
  /** What acts have put into settles that have not committed, by the note or the item. */
  readonly #carried = new Map<object, { readonly partition: OwnedPartition; readonly size: number }>()
  /** Each pass begins with another partition. */
  #turn = 0
  #stopListening: (() => Promise<void>) | undefined

  constructor(parts: ActsParts) {
    this.#parts = parts
    this.#loop = new Loop(
      () => this.tick(),
      (error) => parts.events.emit('problem', { where: 'acts', error }),
    )
  }

  async start(): Promise<void> {
    const { driver, schema } = this.#parts.database
    this.#stopListening = await driver.listen(actChannel(schema), () => this.wake())
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#stopListening?.()
    this.#stopListening = undefined
    await this.#loop.stop()
  }

  wake(): void {
    this.#loop.wake()
  }

  /** What is open for a partition that was just taken: before anything of it starts. */
  async load(partition: OwnedPartition): Promise<void> {
    const { driver, schema } = this.#parts.database
    this.#note(partition, await readOpenActs(driver, schema, [partition], [], maxOpenActs))
  }

  async tick(): Promise<number> {
    const owned = [...this.#parts.owned.values()].filter(
      (partition) => !partition.lost && !partition.isMoving,
    )
    if (owned.length === 0) return pollMs
    const first = this.#turn++ % owned.length
    const partitions = [...owned.slice(first), ...owned.slice(0, first)]
    const hasMore = await this.#read(partitions.filter(({ acts }) => !acts?.isFull))
    const pending = partitions.flatMap((partition) => {
      const acts = partition.acts?.firsts() ?? []
      const gaps = acts.some(({ waitsFor }) => waitsFor?.forRoom) ? plannedOf(partition).size : 0
      return acts.filter((one) => mayBeDecided(one, partition, gaps))
    })
    for (let at = 0; at < pending.length && this.#room() > 0; at += actsAtOnce)
      await this.#decide(pending.slice(at, at + actsAtOnce))
    if (hasMore) return 0
    return partitions.some(({ acts }) => acts !== undefined) ? watchMs : pollMs
  }

  meets(work: WorkItem): boolean {
    const { partition } = work
    let plan: ActPlan | undefined
    let isOver = false
    for (const pending of partition.acts?.of(work.id) ?? []) {
      const { act, stage } = pending
      // What is refused changes nothing; the next one is about the same.
      if (stage === 'refusing') continue
      if (stage !== 'open') break
      isOver = decideAct(kindOf(act), 'ready', false) === 'apply'
      if (isOver) {
        pending.stage = 'settling'
        this.#parts.dispatcher.end(work, outcomeOf(act, work, 'ready'))
        break
      }
      plan ??= this.#planNothing(partition)
      plan.note.refuse(act, 'ready')
    }
    if (plan) this.#carryOut(plan)
    return isOver
  }

  ended(work: WorkItem, outcome: Outcome): Outcome {
    const pending = this.#told.get(work)
    if (!pending || pending.stage !== 'told') return outcome
    if (outcome.kind === 'succeeded') {
      // It has done its work all the same; the act is refused once that is settled.
      pending.stage = 'open'
      return outcome
    }
    pending.stage = 'settling'
    return { kind: 'cancelled', reason: 'operator', applied: { act: pending.act, state: 'running' } }
  }

  /** An item's settle has committed that carried a verdict. */
  settled(work: WorkItem): void {
    // Nearly always: then nothing is looked at.
    if (work.partition.acts === undefined) return
    const { outcome } = work
    if (!outcome || !('applied' in outcome) || !outcome.applied) return
    this.#carried.delete(work)
    this.#decided(work.partition, { ...outcome.applied, verdict: 'applied' })
    if (outcome.kind === 'parked') this.#parts.onLaneChange()
  }

  /** Deferred items whose time has come go on. */
  resume(rows: readonly WaitingRow[]): void {
    const { owned } = this.#parts
    for (const [name, some] of Map.groupBy(rows, ({ queue, partition }) => `${queue}/${partition}`)) {
      const partition = owned.get(name)
      if (!partition || partition.lost || partition.draining || partition.isClosing) continue
      const plan = this.#planNothing(partition)
      for (const row of some) if (!partition.isTaken(row.id)) plan.note.resumeByTime(row.id, row)
      this.#carryOut(plan)
    }
  }

  /** Reads acts that are not known. @returns whether there are more of them */
  async #read(partitions: readonly OwnedPartition[]): Promise<boolean> {
    if (partitions.length === 0) return false
    const { database, owned } = this.#parts
    const known = partitions.flatMap(({ acts }) => acts?.ids() ?? [])
    const read = await readOpenActs(database.driver, database.schema, partitions, known, actsAtOnce)
    let hasMore = false
    for (const [name, acts] of Map.groupBy(read, ({ queue, partition }) => `${queue}/${partition}`)) {
      const partition = owned.get(name)
      if (!partition || partition.lost) continue
      const isNew = this.#note(partition, acts) > 0
      hasMore ||= isNew && acts.length >= actsAtOnce
    }
    return hasMore
  }

  /** @returns how many of them are new */
  #note(partition: OwnedPartition, acts: readonly OpenAct[]): number {
    if (acts.length === 0) return 0
    const known = (partition.acts ??= new OpenActs())
    return acts.filter((act) => known.note(act)).length
  }

  /** Characters that acts may carry into settles at the moment. */
  #room(): number {
    let room = maxCarriedSize
    for (const [by, { partition, size }] of this.#carried) {
      if (partition.lost) this.#carried.delete(by)
      else room -= size
    }
    return room
  }

  async #decide(pending: readonly PendingAct[]): Promise<void> {
    const { database, owned, processors, guard } = this.#parts
    const byItem = new Map(pending.map((one) => [one.act.item, one]))
    const partitions = [
      ...new Set(pending.map(({ act }) => owned.get(`${act.queue}/${act.partition}`))),
    ].filter((partition) => partition !== undefined)
    const search = () => findInMemory(processors.values(), partitions, guard, byItem)
    for (const partition of partitions) partition.changedInLane = new Set()
    try {
      const before = search()
      const elsewhere = pending.filter(({ act }) => !before.has(act.item)).map(({ act }) => act)
      const seen = await lookUpItems(database, elsewhere, this.#room(), (act, item) => {
        const one = byItem.get(act.item)
        return one !== undefined && this.#mayTake(one, item)
      })
      // From here on nothing is waited for: what is seen of memory is so when it is acted on.
      const memory = search()
      for (const partition of partitions) {
        const { changedInLane, acts } = partition
        if (partition.lost || !changedInLane || !acts) continue
        const mine = pending
          .filter((one) => one.stage === 'open' && acts.of(one.act.item)[0] === one)
          .map(({ act }) => act)
          // One that was in memory and has left it is looked up by the next pass.
          .filter(({ item }) => memory.has(item) || seen.located.has(item))
        const sight = { ...this.#sightOf(partition), ...seen, memory, changed: changedInLane }
        this.#carryOut(planActs(mine, sight))
      }
    } finally {
      for (const partition of partitions) partition.changedInLane = undefined
    }
  }

  /** Whether an item that only the log holds could be taken out of it now. */
  #mayTake(pending: PendingAct, { log }: LocatedItem): boolean {
    const { act } = pending
    const partition = this.#parts.owned.get(`${act.queue}/${act.partition}`)
    // Read already, it is in memory, or on its way.
    if (!log || !partition || log.seq < partition.nextSeq) return false
    if (decideAct(kindOf(act), 'ready', false) === 'refuse') return true
    const position = log.seq * itemsPerRow + parseItemId(act.item).index
    if (mayFit(position, plannedOf(partition))) return true
    pending.waitsFor = { seq: log.seq, forRoom: true }
    return false
  }

  #sightOf(partition: OwnedPartition) {
    return { partition, definitions: this.#parts.definitions, now: this.#parts.now(), room: this.#room() }
  }

  #planNothing(partition: OwnedPartition): ActPlan {
    const nothing = new Map<string, never>()
    return planActs([], {
      ...this.#sightOf(partition),
      located: nothing,
      entries: nothing,
      logItems: nothing,
      memory: nothing,
      changed: new Set(),
    })
  }

  #carryOut({ note, withdrawn, told, waits, done }: ActPlan): void {
    const { partition } = note
    for (const [act, waitsFor] of waits) {
      const pending = partition.acts?.find(act)
      if (pending) pending.waitsFor = waitsFor
    }
    if (partition.acts !== undefined) partition.planned = done
    for (const [work, act] of told) this.#tell(work, act)
    for (const [work, outcome] of withdrawn) {
      this.#carried.set(work, { partition, size: work.size })
      if ('applied' in outcome && outcome.applied) this.#setStage(partition, outcome.applied.act, 'settling')
    }
    this.#parts.dispatcher.withdraw(withdrawn)
    if (note.isEmpty) return
    for (const { act, verdict } of note.decided)
      this.#setStage(partition, act, verdict === 'refused' ? 'refusing' : 'settling')
    for (const id of note.reserved) partition.moving.add(id)
    if (note.ranges.length > 0) partition.ahead ??= new Set()
    for (const { start } of note.ranges) partition.ahead?.add(start)
    const isLanePut = note.changesLane
    if (isLanePut) {
      partition.noteLaneChange()
      partition.lanePutsUnderWay++
    }
    this.#carried.set(note, { partition, size: note.size })
    const end = (): void => {
      this.#carried.delete(note)
      for (const id of note.reserved) {
        partition.moving.delete(id)
        // What the lane's pass, or an act's, has read of it may be older.
        partition.leftLane.add(id)
        partition.changedInLane?.add(id)
      }
      for (const { start } of note.ranges) partition.ahead?.delete(start)
      if (partition.ahead?.size === 0) partition.ahead = undefined
      if (isLanePut) partition.lanePutsUnderWay--
    }
    this.#parts.settler.note(
      note.toNote(() => {
        end()
        this.#settledNote(note)
      }, end),
    )
  }

  #settledNote(note: ActNote): void {
    const { partition } = note
    const { dispatcher } = this.#parts
    if (note.changesLane) partition.noteLaneChange()
    for (const decided of note.decided) {
      if (decided.verdict === 'applied' && decided.act.kind === 'cancel')
        this.#parts.onCancelled(partition.queue)
      this.#decided(partition, decided)
    }
    for (const key of note.keys)
      // Right after a takeover: the lane is gone through when the log has been read so far.
      if (!dispatcher.look(partition, key)) partition.startOver()
    for (const opened of note.opened) this.#parts.events.emit('key.opened', opened)
    if (note.requeues) this.#parts.onAppended(partition)
    if (note.changesLane) this.#parts.onLaneChange()
    dispatcher.pump()
  }

  #decided(partition: OwnedPartition, decided: DecidedAct): void {
    const { act, verdict, state } = decided
    // The next one of the item is met by whoever would start it now.
    partition.acts?.end(act)
    if (partition.acts?.size === 0) partition.acts = partition.planned = undefined
    // There may be room for more, or another one for the same item.
    this.#loop.wake(10)
    const { id, kind, item } = act
    this.#parts.events.emit('act.decided', { act: id, kind, item, verdict, state })
    if (verdict === 'applied' && (kind === 'cancel' || kind === 'remove' || kind === 'skip'))
      this.#parts.onEnded(item)
  }

  #setStage(partition: OwnedPartition, act: OpenAct, stage: PendingAct['stage']): void {
    const pending = partition.acts?.find(act)
    if (pending) pending.stage = stage
  }

  #tell(work: WorkItem, act: OpenAct): void {
    const pending = work.partition.acts?.find(act)
    if (!pending || pending.stage === 'told') return
    pending.stage = 'told'
    this.#told.set(work, pending)
    const why = act.reason === null ? '' : `: ${act.reason}`
    const by = act.operator === null ? 'an operator' : act.operator
    work.attempt?.cancel(
      new CoatcheckError('CANCEL_REQUESTED', `${by} cancels item ${act.item}${why}; the handler is to stop`),
    )
  }
}

/** Whether it is worth looking at: told ones are decided by the end of the attempt. */
function mayBeDecided({ stage, waitsFor }: PendingAct, partition: OwnedPartition, gaps: number): boolean {
  if (stage !== 'open') return false
  if (!waitsFor || partition.nextSeq > waitsFor.seq) return true
  return waitsFor.forRoom && gaps < maxActGaps
}
