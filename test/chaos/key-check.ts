import type { Effect } from './history.ts'

interface Attempt {
  readonly n: number
  readonly node: string
  readonly attempt: number
  readonly token: number
  ended: 'well' | 'failed' | undefined
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

  /** The item that a process has open. */
  openOf(node: string): number | undefined {
    return this.#open.find((attempt) => attempt.node === node)?.n
  }

  /** The process has gone, or may do nothing more: its attempts are over. */
  close(node: string): void {
    this.#open = this.#open.filter((attempt) => attempt.node !== node)
  }

  start(event: Effect, isFrozen: (node: string) => boolean): KeyFinding[] {
    const findings = [...this.#overlaps(event, isFrozen)]
    const problem = this.#order(event)
    if (problem)
      findings.push({ kind: 'reordered', text: `${this.#key}#${event.n} on ${event.node}: ${problem}` })
    const { n, node, attempt, token } = event
    const begun: Attempt = { n, node, attempt, token, ended: undefined }
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
    return undefined
  }

  *#overlaps(event: Effect, isFrozen: (node: string) => boolean): Generator<KeyFinding> {
    for (const other of this.#open) {
      const text = `${this.#key}#${event.n} began on ${event.node} while #${other.n} ran on ${other.node}`
      if (!isFrozen(other.node) || other.token >= event.token) yield { kind: 'overlapping', text }
      else yield { kind: 'fenced', text }
    }
    this.#open = this.#open.filter((other) => !isFrozen(other.node))
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
