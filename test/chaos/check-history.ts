import { isEffect, type Effect, type HistoryEvent, type ItemName, type Mark } from './history.ts'
import { KeyCheck, type Attempt } from './key-check.ts'
import { Losses, type Loss } from './losses.ts'

export interface Limits {
  /** Items that may run again after one process was lost: those finished and not yet settled, and those that ran. */
  readonly rerunsPerLoss: number
  /** From the loss of a process until each of its open items has started again. */
  readonly restartMs: number
  /** So far before or after a loss an attempt may have been and run again for it: a lease and a takeover, 12,000 unless set. */
  readonly windowMs?: number
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
  /** Effects that came with an old token, whether or not the sink let them happen. */
  readonly old: number
  /** Attempts that began with an old token, from when its process was let go on until the last of them, at most. */
  readonly longestZombieMs: number
  /** Attempts that a frozen process had open when the next owner began with their key. */
  readonly fencedOverlaps: number
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly figures: Figures
}

const usualWindowMs = 12_000

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
  readonly #losses: Losses
  /** Those of which items have not started again. */
  readonly #waiting = new Set<Loss>()
  /** Of each partition, the highest token and when it was last heard of. */
  readonly #partitions = new Map<number, { token: number; at: number }>()
  /** When the attempts began that are open, by the node's name and the item's. */
  readonly #began = new Map<string, number>()
  readonly #violations: Violation[] = []
  #attempts = 0
  #reruns = 0
  #old = 0
  readonly #resumedAt = new Map<string, number>()
  #longestZombieMs = 0
  #fencedOverlaps = 0
  #slowestRestartMs = 0
  #longestIdleMs = 0

  constructor(input: CheckInput) {
    this.#input = input
    this.#losses = new Losses(input.events, input.limits.windowMs ?? usualWindowMs)
  }

  run(): Verdict {
    const { accepted, unknown = [], open = [], events } = this.#input
    for (const items of [accepted, unknown]) for (const item of items) this.#known.add(nameOf(item))
    // What was never acknowledged and never ran leaves no gap behind.
    const absent = new Set(unknown.map(nameOf))
    if (absent.size > 0) for (const event of events) if (isEffect(event)) absent.delete(nameOf(event))
    for (const event of events) {
      if (!isEffect(event)) {
        this.#mark(event)
        continue
      }
      const beganAt = this.#beganAt(event)
      if (event.refused || event.token < (this.#partitions.get(event.partition)?.token ?? 0))
        this.#late(event, beganAt)
      else this.#effect(event, absent)
    }
    const late = new Set(open.map(nameOf))
    for (const item of accepted)
      if (!this.#keys.get(item.key)?.hasEnded(item.n) && !late.has(nameOf(item)))
        this.#report('lost', `${nameOf(item)} never ended well`)
    for (const loss of this.#losses.all) this.#judgeLoss(loss)
    return { violations: this.#violations, figures: this.#figures() }
  }

  #mark(event: Mark): void {
    if (event.op === 'resume') this.#resumedAt.set(event.node, event.at)
    // A frozen process still has its attempts; a killed one has none any more.
    if (event.op === 'pause' || event.op === 'gone') this.#noteOpen(event)
    if (event.op === 'gone') for (const key of this.#keys.values()) key.close(event.node)
  }

  #noteOpen(event: Mark): void {
    const loss = this.#losses.downBefore(event.node, event.at)
    loss?.open.clear()
    for (const [name, key] of this.#keys) {
      const n = key.openOf(event.node)?.n
      if (n === undefined) continue
      if (loss) loss.open.set(nameOf({ key: name, n }), { key: name, n })
      else this.#report('lost', `${event.node} went in the middle of ${name}#${n} without having been killed`)
    }
    if (loss && loss.open.size > 0) this.#waiting.add(loss)
  }

  /** An effect with an older token than the partition has had. The sink may refuse it; only one who was lost may try. */
  #late(event: Effect, beganAt: number): void {
    this.#old++
    const { node, at, op } = event
    if (!this.#losses.explain(node, beganAt, at))
      this.#report(
        'stale',
        `${nameOf(event)}: ${op} on ${node}, which was not lost, with token ${event.token} after ${this.#partitions.get(event.partition)?.token}`,
      )
    const resumedAt = this.#resumedAt.get(node)
    if (resumedAt !== undefined && op === 'start')
      this.#longestZombieMs = Math.max(this.#longestZombieMs, at - resumedAt)
    this.#keys.get(event.key)?.close(node)
  }

  #beganAt(event: Effect): number {
    const name = `${event.node} ${nameOf(event)}`
    const before = this.#began.get(name)
    if (event.op === 'start') this.#began.set(name, event.at)
    else this.#began.delete(name)
    return event.op === 'start' ? event.at : (before ?? event.at)
  }

  #effect(event: Effect, absent: ReadonlySet<string>): void {
    const name = nameOf(event)
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
    if (before && before.ended !== 'failed') this.#rerun(event, name, before)
    this.#restart(event, name)
    const wasLost = (other: Attempt): boolean => this.#losses.explain(other.node, other.at, event.at)
    for (const { kind, text } of key.start(event, wasLost)) {
      if (kind === 'fenced') this.#fencedOverlaps++
      else this.#report(kind, text)
    }
  }

  #watchPartition(event: Effect): void {
    const partition = this.#partitions.get(event.partition)
    const idleMs = partition ? event.at - partition.at : 0
    this.#longestIdleMs = Math.max(this.#longestIdleMs, idleMs)
    if (idleMs > (this.#input.limits.idleMs ?? Infinity))
      this.#report('idle', `partition ${event.partition} rested for ${Math.round(idleMs)} ms`)
    this.#partitions.set(event.partition, { token: event.token, at: event.at })
  }

  #rerun(event: Effect, name: string, { node, at, endedAt = event.at }: Attempt): void {
    this.#reruns++
    if (!this.#losses.charge(node, at, endedAt, this.#input.limits.rerunsPerLoss))
      this.#report('repeated', `${name} ran on ${node}, which was not lost then, and again on ${event.node}`)
  }

  #restart(event: Effect, name: string): void {
    for (const loss of this.#waiting) {
      if (!loss.open.delete(name)) continue
      if (loss.open.size === 0) this.#waiting.delete(loss)
      const ms = event.at - loss.at
      this.#slowestRestartMs = Math.max(this.#slowestRestartMs, ms)
      if (ms > this.#input.limits.restartMs)
        this.#report('late', `${name} of ${loss.node} started again after ${Math.round(ms)} ms`)
    }
  }

  #judgeLoss({ node, at, reruns }: Loss): void {
    const most = this.#input.limits.rerunsPerLoss
    if (reruns > most)
      this.#report(
        'too-many-reruns',
        `${reruns} items of ${node} ran again for its loss at ${at}; ${most} may`,
      )
  }

  #report(kind: ViolationKind, text: string): void {
    this.#violations.push({ kind, text })
  }

  #figures(): Figures {
    const { all } = this.#losses
    return {
      accepted: this.#input.accepted.length,
      attempts: this.#attempts,
      reruns: this.#reruns,
      losses: all.length,
      mostRerunsOfALoss: all.reduce((most, { reruns }) => Math.max(most, reruns), 0),
      slowestRestartMs: Math.round(this.#slowestRestartMs),
      longestIdleMs: Math.round(this.#longestIdleMs),
      old: this.#old,
      longestZombieMs: Math.round(this.#longestZombieMs),
      fencedOverlaps: this.#fencedOverlaps,
    }
  }
}

function nameOf(item: ItemName): string {
  return `${item.key}#${item.n}`
}
