import type { Road, Standing } from '../engine/face.ts'

/** The requests that wait for an item to end. They give up when their client does, and when the node stops. */
export class Waits {
  readonly #road: Road
  #release = new AbortController()

  constructor(road: Road) {
    this.#road = road
  }

  /** Sends all who wait away with what there is. */
  release(): void {
    this.#release.abort()
    this.#release = new AbortController()
  }

  /** How an item stands, at the latest after `waitMs`. */
  async standing(id: string, waitMs: number, request: Request): Promise<Standing | undefined> {
    if (waitMs === 0) return this.#road.standing(id)
    const released = this.#release.signal
    try {
      const signal = AbortSignal.any([request.signal, released])
      return await this.#road.standing(id, { waitMs, signal })
    } catch (error) {
      if (!released.aborted || request.signal.aborted) throw error
      return this.#road.standing(id)
    }
  }
}
