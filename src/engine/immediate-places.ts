import { CoatcheckError } from '../base/errors.ts'
import { showNumber } from '../base/shown-value.ts'
import type { Definition } from '../define/definition.ts'

/** How long a handler that was told to stop and goes on keeps its place: one that never ends must not keep it for good. */
const stoppedMs = 30_000
/** Spread, so that those who were refused do not come back at once. */
const retryMs = { least: 1_000, spread: 2_000 }

/** The places of services that run in requests: each has as many on a node as its `maxRunning` says. */
export class ImmediatePlaces {
  readonly #taken = new Map<string, number>()
  readonly #stoppedMs: number

  /** @param keptMs how long a handler keeps its place after whoever asked is answered; 30 s unless set */
  constructor(keptMs = stoppedMs) {
    this.#stoppedMs = keptMs
  }

  /** @throws CoatcheckError `REQUESTS_FULL` */
  take({ id, name, service }: Definition): ImmediatePlace {
    const taken = this.#taken.get(id) ?? 0
    const most = service?.maxRunning ?? Infinity
    if (taken >= most)
      throw new CoatcheckError(
        'REQUESTS_FULL',
        `${showNumber(taken)} requests of ${name} run on this node, as many as may; nothing has run, try again`,
        { retryAfterMs: Math.round(retryMs.least + Math.random() * retryMs.spread) },
      )
    this.#taken.set(id, taken + 1)
    return new ImmediatePlace(this.#stoppedMs, () => this.#taken.set(id, (this.#taken.get(id) ?? 1) - 1))
  }
}

/** The place of one request. It is free when whoever asked is answered, and the handler has ended. */
export class ImmediatePlace {
  readonly #keptMs: number
  #free: (() => void) | undefined
  #isLeft = false
  #isHandling = false
  #timer: NodeJS.Timeout | undefined

  constructor(keptMs: number, free: () => void) {
    this.#keptMs = keptMs
    this.#free = free
  }

  /** What the handler comes to. */
  handling(ran: Promise<unknown>): void {
    this.#isHandling = true
    const onEnd = (): void => {
      this.#isHandling = false
      if (this.#isLeft) this.#end()
    }
    ran.then(onEnd, onEnd)
  }

  /** Whoever asked is answered, or has gone. */
  leave(): void {
    this.#isLeft = true
    if (this.#isHandling) this.#timer = setTimeout(() => this.#end(), this.#keptMs).unref()
    else this.#end()
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#free?.()
    this.#free = undefined
  }
}
