import { isEffect, type HistoryEvent, type ItemName } from './history.ts'

/** A time at which a process was killed, frozen, or cut off from the database. */
export interface Loss {
  readonly node: string
  readonly at: number
  /** When it was let go on, or was last heard to have lost something. */
  until: number
  /** Killed or frozen, not only cut off: it may go in the middle of an item. */
  readonly isDown: boolean
  reruns: number
  /** Items that were open when it was lost, until they start again. */
  readonly open: Map<string, ItemName>
}

/** A node has one lease to lose: what is said of it within one is one loss. */
const leaseMs = 8_000

/**
 * What was done to processes, each with a time around it in which it explains what else would be a fault: what a process ran then,
 * or had just ended, may run again, and what it does with an old token is no wonder.
 */
export class Losses {
  readonly all: readonly Loss[]
  readonly #byNode = new Map<string, Loss[]>()
  readonly #windowMs: number

  /** @param windowMs a lease and a takeover: so far from a loss it explains nothing any more */
  constructor(events: readonly HistoryEvent[], windowMs: number) {
    this.#windowMs = windowMs
    const nodes = new Set<string>()
    for (const event of events) if (isEffect(event)) nodes.add(event.node)
    for (const event of events) {
      if (isEffect(event)) continue
      const { op, node, at } = event
      if (op === 'kill' || op === 'pause') this.#add(node, at, true)
      if (op === 'resume') for (const loss of this.of(node).slice(-1)) loss.until = at
      if (op === 'fault') for (const one of node === '*' ? nodes : [node]) this.#cutOff(one, at)
    }
    this.all = [...this.#byNode.values()].flat()
  }

  of(node: string): readonly Loss[] {
    return this.#byNode.get(node) ?? []
  }

  /** When it was last killed or frozen, until then. */
  downBefore(node: string, at: number): Loss | undefined {
    return this.of(node).findLast((loss) => loss.isDown && loss.at <= at)
  }

  /** Whether something that a process did from then to then is explained by a loss of it. */
  explain(node: string, from: number, to: number): boolean {
    return this.#around(node, from, to).length > 0
  }

  /**
   * Counts an item that ran again among those of a loss, of one that still may have some where there is one.
   * @param from when the attempt before began
   * @param to when it had ended, or now
   * @returns undefined where no loss is near
   */
  charge(node: string, from: number, to: number, most: number): Loss | undefined {
    const near = this.#around(node, from, to)
    const loss = near.find(({ reruns }) => reruns < most) ?? near.at(-1)
    if (loss) loss.reruns++
    return loss
  }

  #around(node: string, from: number, to: number): Loss[] {
    return this.of(node).filter(
      ({ at, until }) => from <= until + this.#windowMs && to >= at - this.#windowMs,
    )
  }

  #cutOff(node: string, at: number): void {
    const last = this.of(node).at(-1)
    if (last && at <= (last.isDown ? last.until : last.at) + leaseMs) last.until = Math.max(last.until, at)
    else this.#add(node, at, false)
  }

  #add(node: string, at: number, isDown: boolean): void {
    const losses = this.#byNode.get(node) ?? []
    this.#byNode.set(node, losses)
    losses.push({ node, at, until: at, isDown, reruns: 0, open: new Map() })
  }
}
