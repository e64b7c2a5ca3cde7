import type { Effect } from './history.ts'

export interface Attempt {
  readonly n: number
  readonly node: string
  readonly attempt: number
  readonly token: number
  /** When it began. */
  readonly at: number
  ended: 'well' | 'failed' | undefined
  endedAt: number | undefined
}

export interface KeyFinding {
  readonly kind: 'reordered' | 'overlapping' | 'fenced'
  readonly text: string
}

/**
 * The attempts at the items of one key. Under one token they go up by one, each after the one before has ended well. With
 * the next token they may begin again, at most at the first that was not settled, and from there go up by one again: what
 * has been settled is a beginning of the key's items, so whatever runs again drags along all that ran after it.
 */
export class KeyCheck {
  readonly #key: string
  readonly #absent: ReadonlySet<string>
  readonly #attempts = new Map<number, Attempt>()
  readonly #ended = new Set<number>()
  #open: Attempt[] = []
  #token = 0
  #last: Attempt | undefined
  #highest = 0

  /** @param absent items that were never there, as `key#n` */
  constructor(key: string, absent: ReadonlySet<string>) {
    this.#key = key
    this.#absent = absent
  }

  hasEnded(n: number): boolean {
    return this.#ended.has(n)
  }

  lastAttemptAt(n: number): Attempt | undefined {
    return this.#attempts.get(n)
  }

  /** The attempt that a process has open. */
  openOf(node: string): Attempt | undefined {
    return this.#open.find((attempt) => attempt.node === node)
  }

  /** The process has gone, or may do nothing more: its attempts are over. */
  close(node: string): void {
    this.#open = this.#open.filter((attempt) => attempt.node !== node)
  }

  /** @param wasLost whether the process of an open attempt was killed, frozen or cut off around it */
  start(event: Effect, wasLost: (attempt: Attempt) => boolean): KeyFinding[] {
    const findings = [...this.#overlaps(event, wasLost)]
    const problem = this.#order(event)
    if (problem)
      findings.push({ kind: 'reordered', text: `${this.#key}#${event.n} on ${event.node}: ${problem}` })
    const { n, node, attempt, token, at } = event
    const begun: Attempt = { n, node, attempt, token, at, ended: undefined, endedAt: undefined }
    this.#attempts.set(n, begun)
    this.#open.push(begun)
    this.#token = Math.max(this.#token, token)
    this.#last = begun
    this.#highest = Math.max(this.#highest, n)
    return findings
  }

  /** @returns a problem, where there was nothing to end */
  end(event: Effect): string | undefined {
    const at = this.#open.findIndex((attempt) => attempt.n === event.n && attempt.node === event.node)
    const [attempt] = at < 0 ? [] : this.#open.splice(at, 1)
    if (event.op === 'end') this.#ended.add(event.n)
    if (!attempt) return `${this.#key}#${event.n} ended on ${event.node}, where it did not run`
    attempt.ended = event.op === 'end' ? 'well' : 'failed'
    attempt.endedAt = event.at
    return undefined
  }

  *#overlaps(event: Effect, wasLost: (attempt: Attempt) => boolean): Generator<KeyFinding> {
    const left: Attempt[] = []
    for (const other of this.#open) {
      const text = `${this.#key}#${event.n} began on ${event.node} while #${other.n} ran on ${other.node}`
      const isExplained = wasLost(other)
      if (!isExplained) left.push(other)
      if (!isExplained || other.token >= event.token) yield { kind: 'overlapping', text }
      else yield { kind: 'fenced', text }
    }
    this.#open = left
  }

  #order({ n, attempt, token }: Effect): string | undefined {
    const previous = this.#previous(n)
    if (previous > 0 && !this.#ended.has(previous)) return `began before #${previous} had ended well`
    if (n > this.#highest && previous > this.#highest)
      return `began after #${this.#highest}, which leaves a gap`
    if (token !== this.#token || !this.#last) return undefined
    const last = this.#last
    if (previous === last.n) return undefined
    if (n === last.n && last.ended === 'failed' && attempt > last.attempt) return undefined
    return `began after #${last.n} under the same token`
  }

  #previous(n: number): number {
    let previous = n - 1
    while (previous > 0 && this.#absent.has(`${this.#key}#${previous}`)) previous--
    return previous
  }
}
