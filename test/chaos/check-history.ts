import { isEffect, type Effect, type HistoryEvent, type ItemName, type Mark } from './history.ts'
import { KeyCheck } from './key-check.ts'

export interface Limits {
  /** Items that may run again after one process was lost: those finished and not yet settled, and those that ran. */
  readonly rerunsPerLoss: number
  /** From the loss of a process until each of its open items has started again. */
  readonly restartMs: number
  /** Between two attempts of a partition that has work, at most; not checked unless set. */
  readonly idleMs?: number
}

export interface CheckInput {
  /** What the load client was told to be durable. */
  readonly accepted: readonly ItemName[]
  /** What it was told nothing of: it may run, or not. */
  readonly unknown?: readonly ItemName[]
  /** Accepted ones that the database still has open: they are late, and not lost. */
  readonly open?: readonly ItemName[]
  /** In the order of the sink. */
  readonly events: readonly HistoryEvent[]
  readonly limits: Limits
}

export type ViolationKind =
  | 'lost'
  | 'unexpected'
  | 'reordered'
  | 'overlapping'
  | 'stale'
  | 'repeated'
  | 'too-many-reruns'
  | 'late'
  | 'idle'

export interface Violation {
  readonly kind: ViolationKind
  readonly text: string
}

export interface Figures {
  readonly accepted: number
  readonly attempts: number
  readonly reruns: number
  /** How often a process was killed, frozen, or cut off from the database. */
  readonly losses: number
  readonly mostRerunsOfALoss: number
  /** The slowest start of an item whose attempt was lost. */
  readonly slowestRestartMs: number
  readonly longestIdleMs: number
  /** Effects that came with an old token; the sink let none of them happen. */
  readonly refused: number
  /** Attempts that began with an old token, from when its process was let go on until the last of them, at most. */
  readonly longestZombieMs: number
  /** Attempts that a frozen process had open when the next owner began with their key. */
  readonly fencedOverlaps: number
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly figures: Figures
}

/** What the losses of a process have led to. */
interface Loss {
  at: number
  /** How often it was killed, frozen, or cut off from the database. */
  times: number
  /** Killed or frozen, not only cut off: it may go in the middle of an item. */
  isDown: boolean
  reruns: number
  /** Items that were open when it was lost, until they start again. */
  readonly open: Map<string, ItemName>
}

/**
 * Holds a history against what at-least-once with order by key promises. It knows nothing of the engine: only what was
 * accepted, what was done to the processes, and what the sink saw.
 */
export function checkHistory(input: CheckInput): Verdict {
  return new HistoryCheck(input).run()
}

class HistoryCheck {
  readonly #input: CheckInput
  readonly #known = new Set<string>()
  readonly #keys = new Map<string, KeyCheck>()
  readonly #losses = new Map<string, Loss>()
  readonly #nodes = new Set<string>()
  /** Of each partition, the highest token and when it was last heard of. */
  readonly #partitions = new Map<number, { token: number; at: number }>()
  readonly #violations: Violation[] = []
  #attempts = 0
  #reruns = 0
  #refused = 0
  readonly #resumedAt = new Map<string, number>()
  #longestZombieMs = 0
  #fencedOverlaps = 0
  #slowestRestartMs = 0
  #longestIdleMs = 0

  constructor(input: CheckInput) {
    this.#input = input
  }

  run(): Verdict {
    const { accepted, unknown = [], open = [], events } = this.#input
    for (const items of [accepted, unknown]) for (const item of items) this.#known.add(nameOf(item))
    // What was never acknowledged and never ran leaves no gap behind.
    const absent = new Set(unknown.map(nameOf))
    if (absent.size > 0) for (const event of events) if (isEffect(event)) absent.delete(nameOf(event))
    for (const event of events) {
      if (!isEffect(event)) this.#mark(event)
      else if (event.refused) this.#refuse(event)
      else this.#effect(event, absent)
    }
    const late = new Set(open.map(nameOf))
    for (const item of accepted)
      if (!this.#keys.get(item.key)?.hasEnded(item.n) && !late.has(nameOf(item)))
        this.#report('lost', `${nameOf(item)} never ended well`)
    for (const [node, loss] of this.#losses) this.#judgeLoss(node, loss)
    return { violations: this.#violations, figures: this.#figures() }
  }

  #mark(event: Mark): void {
    if (event.op === 'kill' || event.op === 'pause') this.#lose(event.node, event.at).isDown = true
    if (event.op === 'fault')
      for (const node of event.node === '*' ? this.#nodes : [event.node]) this.#lose(node, event.at)
    if (event.op === 'resume') this.#resumedAt.set(event.node, event.at)
    // A frozen process still has its attempts; a killed one has none any more.
    if (event.op === 'pause' || event.op === 'gone') this.#noteOpen(event)
    if (event.op === 'gone') for (const key of this.#keys.values()) key.close(event.node)
  }

  #lose(node: string, at: number): Loss {
    const loss = this.#losses.get(node) ?? { at, times: 0, isDown: false, reruns: 0, open: new Map() }
    this.#losses.set(node, loss)
    loss.at = at
    loss.times++
    return loss
  }

  #noteOpen(event: Mark): void {
    const loss = this.#losses.get(event.node)
    if (loss) loss.open.clear()
    for (const [name, key] of this.#keys) {
      const n = key.openOf(event.node)
      if (n === undefined) continue
      if (loss?.isDown) loss.open.set(nameOf({ key: name, n }), { key: name, n })
      else this.#report('lost', `${event.node} went in the middle of ${name}#${n} without having been killed`)
    }
  }

  #refuse(event: Effect): void {
    this.#refused++
    const resumedAt = this.#resumedAt.get(event.node)
    if (resumedAt !== undefined && event.op === 'start')
      this.#longestZombieMs = Math.max(this.#longestZombieMs, event.at - resumedAt)
    this.#keys.get(event.key)?.close(event.node)
  }

  #effect(event: Effect, absent: ReadonlySet<string>): void {
    const name = nameOf(event)
    this.#nodes.add(event.node)
    if (!this.#known.has(name))
      this.#report('unexpected', `${name} ran on ${event.node} and was never accepted`)
    this.#watchPartition(event)
    let key = this.#keys.get(event.key)
    if (!key) this.#keys.set(event.key, (key = new KeyCheck(event.key, absent)))
    if (event.op !== 'start') {
      const problem = key.end(event)
      if (problem) this.#report('overlapping', problem)
      return
    }
    this.#attempts++
    const before = key.lastAttemptAt(event.n)
    if (before && before.ended !== 'failed') this.#rerun(event, name, before.node)
    this.#restart(event, name)
    const isFrozen = (node: string): boolean => this.#losses.has(node)
    for (const { kind, text } of key.start(event, isFrozen)) {
      if (kind === 'fenced') this.#fencedOverlaps++
      else this.#report(kind, text)
    }
  }

  #watchPartition(event: Effect): void {
    const partition = this.#partitions.get(event.partition)
    if (partition && event.token < partition.token)
      this.#report(
        'stale',
        `${nameOf(event)}: ${event.op} on ${event.node} with token ${event.token}, after ${partition.token}`,
      )
    const idleMs = partition ? event.at - partition.at : 0
    this.#longestIdleMs = Math.max(this.#longestIdleMs, idleMs)
    if (idleMs > (this.#input.limits.idleMs ?? Infinity))
      this.#report('idle', `partition ${event.partition} rested for ${Math.round(idleMs)} ms`)
    this.#partitions.set(event.partition, {
      token: Math.max(event.token, partition?.token ?? 0),
      at: event.at,
    })
  }

  #rerun(event: Effect, name: string, nodeBefore: string): void {
    this.#reruns++
    const loss = this.#losses.get(nodeBefore)
    if (loss) loss.reruns++
    else
      this.#report('repeated', `${name} ran on ${nodeBefore}, which was not lost, and again on ${event.node}`)
  }

  #restart(event: Effect, name: string): void {
    for (const [node, loss] of this.#losses) {
      if (!loss.open.delete(name)) continue
      const ms = event.at - loss.at
      this.#slowestRestartMs = Math.max(this.#slowestRestartMs, ms)
      if (ms > this.#input.limits.restartMs)
        this.#report('late', `${name} of ${node} started again after ${Math.round(ms)} ms`)
    }
  }

  #judgeLoss(node: string, loss: Loss): void {
    const most = this.#input.limits.rerunsPerLoss * loss.times
    if (loss.reruns > most)
      this.#report('too-many-reruns', `${loss.reruns} items of ${node} ran again; ${most} may`)
  }

  #report(kind: ViolationKind, text: string): void {
    this.#violations.push({ kind, text })
  }

  #figures(): Figures {
    return {
      accepted: this.#input.accepted.length,
      attempts: this.#attempts,
      reruns: this.#reruns,
      losses: Array.from(this.#losses.values(), (loss) => loss.times).reduce((sum, times) => sum + times, 0),
      mostRerunsOfALoss: Math.max(
        0,
        ...Array.from(this.#losses.values(), (loss) => Math.ceil(loss.reruns / loss.times)),
      ),
      slowestRestartMs: Math.round(this.#slowestRestartMs),
      longestIdleMs: Math.round(this.#longestIdleMs),
      refused: this.#refused,
      longestZombieMs: Math.round(this.#longestZombieMs),
      fencedOverlaps: this.#fencedOverlaps,
    }
  }
}

function nameOf(item: ItemName): string {
  return `${item.key}#${item.n}`
}
