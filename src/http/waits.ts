import type { Road, Standing } from '../engine/face.ts'
import type { HttpRequest } from './message.ts'

/** Longer results are sent as they are read. */
const maxBytes = 1_048_576

/** How one request waits for items. */
export interface RequestWaits {
  /** Aborted when all who wait now are sent away. */
  readonly released: AbortSignal
  /** How an item stands, at the latest after `waitMs`; undefined also where callers are told of it no more. */
  standing(id: string, waitMs: number, request: HttpRequest): Promise<Standing | undefined>
}

/** The requests that wait for an item to end. They give up when their client does, and when the node stops. */
export class Waits {
  readonly #road: Road
  #release = new AbortController()

  constructor(road: Road) {
    this.#road = road
  }

  /** Sends all away with what there is who have come in, also those that have yet to begin to wait. */
  release(): void {
    this.#release.abort()
    this.#release = new AbortController()
  }

  /** For a request that came in now. */
  begin(): RequestWaits {
    return new WaitsOfRequest(this.#road, this.#release.signal)
  }
}

/** One is made for each request, whether it waits or not: it holds nothing but what it was given. */
class WaitsOfRequest implements RequestWaits {
  readonly released: AbortSignal
  readonly #road: Road

  constructor(road: Road, released: AbortSignal) {
    this.#road = road
    this.released = released
  }

  async standing(id: string, waitMs: number, request: HttpRequest): Promise<Standing | undefined> {
    const standing = await this.#standing(id, waitMs, request)
    return standing?.isOver ? undefined : standing
  }

  async #standing(id: string, waitMs: number, request: HttpRequest): Promise<Standing | undefined> {
    const { released } = this
    if (waitMs === 0 || released.aborted) return this.#road.standing(id, { maxBytes })
    try {
      const signal = AbortSignal.any([request.signal, released])
      return await this.#road.standing(id, { waitMs, signal, maxBytes })
    } catch (error) {
      if (!released.aborted || request.isAborted) throw error
      return this.#road.standing(id, { maxBytes })
    }
  }
}
