import type { Caller, Rate } from './caller.ts'
import type { Answer } from './message.ts'
import { answerProblem, problemOf } from './problem.ts'

/** What is left to a caller. */
export interface Allowance {
  /** The name of its policy: `node`, or `key` where its key has one of its own. */
  readonly policy: 'node' | 'key'
  readonly rate: Rate
  /** Requests that it may still send in this window. */
  readonly remaining: number
  /** Until the next window. */
  readonly restMs: number
  /** This request was one too many. */
  readonly isSpent: boolean
}

interface Window {
  used: number
  readonly endsAt: number
}

/** Callers that are remembered. */
const maxCallers = 50_000

/**
 * Counts the requests of each caller. The window of a caller begins with its first request; what is counted stays in this
 * process, so that of n nodes each allows the whole quota.
 */
export class RateLimit {
  readonly #rate: Rate | undefined
  readonly #now: () => number
  readonly #windows = new Map<string, Window>()
  #sweptAt = 0

  /**
   * @param rate for callers without one of their own; unset: as much as they like
   * @param now milliseconds that only grow
   */
  constructor(rate: Rate | undefined, now: () => number = () => performance.now()) {
    this.#rate = rate
    this.#now = now
  }

  /** Counts a request. Undefined: the caller has no limit. */
  take(caller: Caller): Allowance | undefined {
    const rate = caller.rate ?? this.#rate
    if (!rate) return undefined
    const now = this.#now()
    let window = this.#windows.get(caller.id)
    if (!window || window.endsAt <= now) {
      this.#makeRoom(now)
      window = { used: 0, endsAt: now + rate.windowMs }
      this.#windows.delete(caller.id)
      this.#windows.set(caller.id, window)
    }
    const isSpent = window.used >= rate.quota
    if (!isSpent) window.used += 1
    return {
      policy: caller.rate ? 'key' : 'node',
      rate,
      remaining: Math.max(rate.quota - window.used, 0),
      restMs: window.endsAt - now,
      isSpent,
    }
  }

  /** Forgets windows that are over, once a minute; where there are too many all the same, the one that began first. */
  #makeRoom(now: number): void {
    if (now - this.#sweptAt >= 60_000) {
      this.#sweptAt = now
      for (const [id, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(id)
    }
    const [oldest] = this.#windows.keys()
    if (oldest !== undefined && this.#windows.size >= maxCallers) this.#windows.delete(oldest)
  }
}

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). */
export function allowanceHeaders({ policy, rate, remaining, restMs }: Allowance): Record<string, string> {
  return {
    'ratelimit-policy': `"${policy}";q=${rate.quota};w=${rate.windowMs / 1000}`,
    ratelimit: `"${policy}";r=${remaining};t=${Math.ceil(restMs / 1000)}`,
  }
}

/** 429, in the problem type of the same draft. `Retry-After` is not before the next window. */
export function answerSpent({ policy, rate, restMs }: Allowance): Answer {
  const seconds = Math.ceil(restMs / 1000)
  const detail = `${rate.quota} requests per ${rate.windowMs / 1000} s are allowed; the next one in ${seconds} s`
  const problem = {
    ...problemOf('RATE_LIMITED', detail),
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    'violated-policies': [policy],
    retryAfterMs: Math.ceil(restMs),
  }
  return answerProblem(problem, { 'retry-after': String(seconds) })
}
