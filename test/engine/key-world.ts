import assert from 'node:assert/strict'
import { defineApplication } from '../../src/define/application.ts'
import { defineQueueProcessor } from '../../src/define/define.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { KeyLines, type LaneHead } from '../../src/engine/key-lines.ts'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { Processor } from '../../src/engine/processor.ts'
import { blocksKey, isLanePut, WorkItem, type Outcome } from '../../src/engine/work-item.ts'

interface LaneRow {
  readonly id: string
  readonly key: string
  readonly position: number
  state: 'scheduled' | 'held'
  isDue: boolean
  version: number
}

/** What is true of an item, whatever memory believes. */
interface Fact {
  readonly key: string
  readonly position: number
  state: 'waiting' | 'running' | 'ended' | 'failed' | 'blocking'
  failures: number
}

interface Read {
  readonly items: readonly { readonly key: string; readonly position: number }[]
  readonly looks: number
  heads?: Map<string, { position?: number; isBlocked: boolean }>
}

const success: Outcome = { kind: 'succeeded', result: undefined }
const failure = { code: 'FAILED', message: 'not now' }
const rejected: Outcome = { kind: 'broken', failure }

/** Rows of a key that the lane answers with at a time. */
const rowsAtOnce = 2

/**
 * The key lines of one partition between a log, a lane and settles that are played: whatever takes a round trip to the
 * database begins in one step and ends in another, and what it saw is what was committed when it looked. Who plays decides what happens
 * next; after each start it is checked that the order of the item's key holds.
 */
export class KeyWorld {
  readonly #partition = new OwnedPartition(
    { queue: 1, partition: 0, generation: 1, epoch: 1, done: [], indexedTo: 0 },
    { keyed: false, startable: false },
  )
  readonly #processor: Processor
  readonly #lines: KeyLines
  readonly #facts = new Map<number, Fact>()
  readonly #lane = new Map<string, LaneRow>()
  #position = 0
  #ready: WorkItem[] = []
  #running: WorkItem[] = []
  #unsettled: WorkItem[] = []
  #questions: (() => void)[] = []
  #read: Read | undefined
  #tick: LaneRow[] | undefined
  #pass: { readonly heads: readonly LaneRow[]; readonly startOvers: number } | undefined
  /** Positions of the items that block their keys, by what has committed. */
  readonly #blocks = new Map<number, Fact>()
  /** Acts that have committed, and that memory has not been told of. */
  #opened: Fact[] = []
  #spilled = 0
  #failed = 0
  #blocked = 0

  constructor(order: 'strict' | 'relaxed' = 'strict', onBroken: 'continue' | 'block' = 'continue') {
    // All that is offered was read before.
    this.#partition.nextSeq = 1
    const step = defineQueueProcessor({
      name: 'step',
      input: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } },
      key: () => 'unused',
      order,
      onBroken,
      process: () => {},
    })
    const { registry } = resolveApplications([defineApplication({ name: 'world', definitions: [step] })])
    this.#processor = new Processor([...registry.definitions.values()][0]!)
    this.#lines = new KeyLines({
      lane: { next: (partition, line) => this.#ask(line.key, partition) },
      onReady: (work) => this.#ready.push(work),
      onTaken: (work) => this.#partition.fromLane.set(work.id, work),
      onLeft: (work) => this.#leave(work),
      onEnded: (work, outcome) => this.#end(work, outcome),
      onProblem: assert.ifError,
      pump: () => {},
    })
  }

  /** How much of what makes it hard has happened. */
  get happened(): { failed: number; spilled: number; blocked: number } {
    return { failed: this.#failed, spilled: this.#spilled, blocked: this.#blocked }
  }

  get isQuiet(): boolean {
    return (
      this.#ready.length + this.#running.length + this.#unsettled.length + this.#questions.length === 0 &&
      this.#read === undefined &&
      this.#tick === undefined &&
      this.#pass === undefined &&
      this.#lane.size + this.#blocks.size + this.#opened.length === 0
    )
  }

  get open(): readonly string[] {
    return [...this.#facts.values()]
      .filter(({ state }) => state !== 'ended')
      .map(({ key, position, state }) => `${key}${position} ${state}`)
  }

  /** What can happen next, by name. */
  steps(): Record<string, ((choice: number) => void) | undefined> {
    const { length } = this.#running
    return {
      read: this.#read ? undefined : (choice) => this.#beginRead(choice),
      lookUp: this.#read && !this.#read.heads ? () => this.#lookUp() : undefined,
      offer: this.#read?.heads ? () => this.#offer() : undefined,
      start: this.#ready.length > 0 ? (choice) => this.#start(choice) : undefined,
      succeed: length > 0 ? (choice) => this.#finish(choice, success) : undefined,
      fail: length > 0 ? (choice) => this.#finish(choice, undefined) : undefined,
      reject: length > 0 ? (choice) => this.#finish(choice, rejected) : undefined,
      settle: this.#unsettled.length > 0 ? (choice) => this.#settle(1 + (choice % 3)) : undefined,
      answer: this.#questions.length > 0 ? (choice) => this.#answer(choice) : undefined,
      timePasses: this.#someScheduled() ? (choice) => this.#passTime(choice) : undefined,
      tick: this.#tick || this.#pass ? undefined : () => this.#beginTick(),
      startDue: this.#tick ? () => this.#endTick() : undefined,
      act: this.#blocks.size > 0 ? (choice) => this.#act(choice) : undefined,
      tellAct: this.#opened.length > 0 ? () => this.#tellAct() : undefined,
      pass: this.#mayPass() ? () => this.#beginPass() : undefined,
      startHeads: this.#pass ? () => this.#endPass() : undefined,
      spill:
        this.#partition.held > 0
          ? (choice) => this.#lines.spill(this.#partition, 1 + (choice % 3))
          : undefined,
    }
  }

  #beginRead(choice: number): void {
    const items = Array.from({ length: 1 + (choice % 3) }, (_, at) => ({
      key: 'abc'[(choice >> (2 + 2 * at)) % 3] as string,
      position: this.#position++,
    }))
    for (const item of items) this.#facts.set(item.position, { ...item, state: 'waiting', failures: 0 })
    this.#partition.offering++
    const { looks, laneHasKeys } = this.#partition
    this.#read = { items, looks, ...(laneHasKeys ? {} : { heads: new Map() }) }
  }

  #lookUp(): void {
    if (!this.#read) return
    this.#read.heads = new Map(
      this.#read.items.map(({ key }) => {
        const position = Math.min(...this.#rows(key, true).map((row) => row.position))
        return [key, { isBlocked: this.#isBlocked(key), ...(position < Infinity ? { position } : {}) }]
      }),
    )
  }

  #offer(): void {
    const read = this.#read
    this.#read = undefined
    this.#partition.offering--
    for (const { key, position } of read?.items ?? []) {
      const work = this.#work(key, position)
      const head = read?.heads?.get(key)
      this.#lines.enter(work, head?.position, head?.isBlocked ? read?.looks : undefined)
    }
    this.#partition.closeLingering()
  }

  #start(choice: number): void {
    const [work] = this.#ready.splice(choice % this.#ready.length, 1)
    if (!work || work.outcome) return
    const fact = this.#facts.get(work.position)!
    assert.equal(
      fact.state,
      fact.failures > 0 ? 'failed' : 'waiting',
      `${fact.key}${fact.position} starts while it is ${fact.state}`,
    )
    for (const other of this.#facts.values()) {
      if (other.key !== fact.key || other === fact) continue
      assert.notEqual(other.state, 'running', `${fact.key}: ${fact.position} starts beside ${other.position}`)
      if (this.#processor.definition.order === 'strict' && other.position < fact.position)
        assert.equal(other.state, 'ended', `${fact.key}: ${fact.position} overtakes ${other.position}`)
    }
    fact.state = 'running'
    work.startedAt = 1
    this.#running.push(work)
  }

  #finish(choice: number, outcome: Outcome | undefined): void {
    const [work] = this.#running.splice(choice % this.#running.length, 1)
    if (!work) return
    const fact = this.#facts.get(work.position)!
    if (!outcome) {
      this.#failed++
      fact.failures++
      outcome = fact.failures < 3 ? { kind: 'failed', failure, retryInMs: 1 } : rejected
    }
    work.outcome = outcome
    fact.state = outcome.kind === 'failed' ? 'failed' : blocksKey(work) ? 'blocking' : 'ended'
    if (blocksKey(work)) this.#blocked++
    this.#end(work, outcome)
  }

  // As the dispatcher does.
  #end(work: WorkItem, outcome: Outcome): void {
    work.outcome = outcome
    if (outcome.kind === 'spilled') this.#spilled++
    if (isLanePut(work)) this.#partition.beginLanePut(outcome.kind)
    this.#unsettled.push(work)
    if (work.line && outcome.kind === 'succeeded') this.#lines.advance(work)
  }

  /** The first ones that ended are committed, together. */
  #settle(count: number): void {
    const batch = this.#unsettled.splice(0, count)
    for (const work of batch) this.#commit(work)
    for (const work of batch) {
      const { outcome, line, waiting } = work
      if (waiting) this.#leave(work)
      if (isLanePut(work)) this.#partition.lanePutsUnderWay--
      if (line && outcome && (outcome.kind !== 'succeeded' || line.active === work))
        this.#lines.settled(work, outcome)
    }
  }

  #commit(work: WorkItem): void {
    const { id, outcome, entry, position } = work
    const row = this.#lane.get(id)
    if (blocksKey(work)) this.#blocks.set(position, this.#facts.get(position)!)
    if (outcome?.kind === 'failed' || outcome?.kind === 'spilled') {
      const state = outcome.kind === 'failed' ? 'scheduled' : 'held'
      this.#lane.set(id, {
        id,
        key: entry.k!,
        position,
        state,
        isDue: false,
        version: (row?.version ?? 0) + 1,
      })
    } else this.#lane.delete(id)
  }

  #ask(key: string, partition: OwnedPartition): Promise<LaneHead> {
    return new Promise((resolve) => {
      const known = new Set(partition.fromLane.keys())
      this.#questions.push(() => {
        const isBlocked = this.#isBlocked(key)
        const rows = (isBlocked ? [] : this.#rows(key))
          .filter(({ id }) => !known.has(id))
          .slice(0, rowsAtOnce)
        const items: WorkItem[] = []
        let blocked: WorkItem | undefined
        // What was read of the database comes back later, and memory may have gone on.
        this.#questions.push(() => {
          for (const row of rows) {
            if (partition.fromLane.has(row.id)) continue
            const work = this.#work(row.key, row.position, row)
            if (row.state === 'scheduled' && this.#processor.definition.order === 'strict') {
              if (items.length === 0) blocked = work
              break
            }
            items.push(work)
          }
          const more = rows.length === rowsAtOnce || items.length < rows.length
          resolve({ items, blocked, more, isBlocked })
        })
      })
    })
  }

  #isBlocked(key: string): boolean {
    return [...this.#blocks.values()].some((fact) => fact.key === key)
  }

  /** A person has decided about an item that blocks its key: it runs again in its place, or is given up, or left. */
  #act(choice: number): void {
    const fact = [...this.#blocks.values()][choice % this.#blocks.size]!
    const { key, position } = fact
    this.#blocks.delete(position)
    this.#opened.push(fact)
    fact.state = 'ended'
    if (choice % 3 > 0) return
    Object.assign(fact, { state: 'waiting', failures: 0 })
    const row: LaneRow = { id: `item ${position}`, key, position, state: 'held', isDue: false, version: 1 }
    this.#lane.set(row.id, row)
  }

  #tellAct(): void {
    const fact = this.#opened.shift()!
    const { id: definition, orderScope: scope } = this.#processor.definition
    this.#partition.noteLaneChange()
    if (!this.#lines.look(this.#partition, { definition, scope, ...fact }, true)) this.#partition.startOver()
  }

  #mayPass(): boolean {
    const { startAfter, offering } = this.#partition
    return !this.#pass && !this.#tick && startAfter !== undefined && offering === 0
  }

  // As the lane does, in one page.
  #beginPass(): void {
    const { startOvers } = this.#partition
    this.#partition.leftLane.clear()
    this.#partition.offering++
    const heads = ['a', 'b', 'c'].flatMap((key) => (this.#isBlocked(key) ? [] : this.#rows(key).slice(0, 1)))
    this.#pass = { startOvers, heads: heads.filter(({ state }) => state === 'held') }
  }

  #endPass(): void {
    const { heads, startOvers } = this.#pass!
    this.#pass = undefined
    this.#partition.offering--
    if (startOvers === this.#partition.startOvers) {
      for (const row of heads) this.#startHead(row)
      this.#partition.startAfter = undefined
    }
    this.#partition.closeLingering()
  }

  #startHead(row: LaneRow): void {
    const { fromLane, leftLane } = this.#partition
    if (fromLane.has(row.id) || leftLane.has(row.id)) return
    const line = this.#partition.lineOf(this.#processor.definition.orderScope, row.key)
    if (line) line.checkLane = true
    else this.#startRow(row)
  }

  #startRow(row: LaneRow): void {
    const work = this.#work(row.key, row.position, row)
    this.#partition.fromLane.set(row.id, work)
    this.#lines.enter(work)
  }

  #rows(key: string, all = false): LaneRow[] {
    const isStrict = all || this.#processor.definition.order === 'strict'
    return [...this.#lane.values()]
      .filter((row) => row.key === key && (isStrict || row.state === 'held'))
      .map((row) => ({ ...row }))
      .toSorted((a, b) => a.position - b.position)
  }

  #answer(choice: number): void {
    const [go] = this.#questions.splice(choice % this.#questions.length, 1)
    go?.()
  }

  #someScheduled(): boolean {
    return [...this.#lane.values()].some((row) => row.state === 'scheduled' && !row.isDue)
  }

  #passTime(choice: number): void {
    const rows = [...this.#lane.values()].filter((row) => row.state === 'scheduled' && !row.isDue)
    rows[choice % rows.length]!.isDue = true
  }

  #beginTick(): void {
    this.#partition.leftLane.clear()
    this.#tick = [...this.#lane.values()]
      .filter((row) => row.state === 'scheduled' && row.isDue && !this.#partition.fromLane.has(row.id))
      .map((row) => ({ ...row }))
  }

  #endTick(): void {
    const rows = this.#tick ?? []
    this.#tick = undefined
    for (const row of rows) {
      if (this.#partition.fromLane.has(row.id) || this.#partition.leftLane.has(row.id)) continue
      this.#startRow(row)
    }
  }

  #leave(work: WorkItem): void {
    this.#partition.fromLane.delete(work.id)
    this.#partition.leftLane.add(work.id)
  }

  #work(key: string, position: number, row?: LaneRow): WorkItem {
    const id = `item ${position}`
    return new WorkItem({
      partition: this.#partition,
      processor: this.#processor,
      entry: { d: this.#processor.definition.id, k: key, i: {}, id },
      origin: { flush: '', at: 0, itemSize: 1 },
      index: 0,
      position,
      end: row ? 0 : position + 1,
      waiting: row ? { id, version: row.version } : undefined,
    })
  }
}
