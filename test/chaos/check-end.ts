import type { ByState } from './check-states.ts'
import { finalStates } from './check-states.ts'
import type { Figure } from './figure.ts'

/** How the wait for the end of all went. */
export interface Wait {
  readonly seconds: number
  /** `ended`: all had; `stalled`: some had not, and nothing went on any more; `long`: it went on, and took too long. */
  readonly outcome: 'ended' | 'stalled' | 'long'
}

/** Waits as long as the backlog becomes less: a slow machine is no loss. */
export class Patience {
  readonly #stallMs: number
  readonly #limitMs: number
  readonly #beganAt: number
  #movedAt: number
  #ended = -1

  /**
   * @param stallMs so long nothing may end
   * @param limitMs so long it may take in all
   * @param at now, in milliseconds
   */
  constructor(stallMs: number, limitMs: number, at: number) {
    this.#stallMs = stallMs
    this.#limitMs = limitMs
    this.#beganAt = at
    this.#movedAt = at
  }

  /**
   * @param ended how many have ended
   * @returns how it went, where it is over
   */
  look(at: number, ended: number, isOver: boolean): Wait | undefined {
    const seconds = (at - this.#beganAt) / 1000
    if (isOver) return { seconds, outcome: 'ended' }
    if (ended > this.#ended) this.#movedAt = at
    this.#ended = Math.max(this.#ended, ended)
    if (at - this.#movedAt > this.#stallMs) return { seconds, outcome: 'stalled' }
    return at - this.#beganAt > this.#limitMs ? { seconds, outcome: 'long' } : undefined
  }
}

/** A time of its own, with what was open when nobody waited any more; and whether that was waited for in vain. */
export function endOfAll({ seconds, outcome }: Wait, byState: ByState, withinSeconds: number): Figure[] {
  const open = Object.entries(byState).filter(([state, count]) => !finalStates.has(state) && count > 0)
  const items = open.reduce((sum, [, count]) => sum + count, 0)
  const told = open.map(([state, count]) => `${count} ${state}`).join(', ')
  return [
    {
      what: 'all had ended within',
      value: `${Math.round(seconds)} s${items > 0 ? `, but ${told}` : ''}`,
      bar: `≤ ${withinSeconds} s`,
      ok: outcome === 'ended' && seconds <= withinSeconds,
      isTimed: true,
    },
    {
      what: 'open, while nothing went on any more',
      value: outcome === 'stalled' ? told || 'none' : '0',
      bar: '0',
      ok: outcome !== 'stalled' || items === 0,
      isTimed: false,
    },
  ]
}
