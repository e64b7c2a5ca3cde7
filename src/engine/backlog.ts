import { AsyncLocalStorage } from 'node:async_hooks'
import { CoatcheckError } from '../base/errors.ts'
import type { Events } from '../base/events.ts'
import { Loop, type Part } from '../base/part.ts'
import { showNumber } from '../base/shown-value.ts'
import { countBacklog, type BacklogRow } from '../store/backlog.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { QueueRow } from '../store/topology.ts'

const everyMs = 1_000
/** Spread, so that those who were refused do not come back at once. */
const retryMs = { least: 1_000, spread: 2_000 }

/** An older figure says nothing: what comes is taken, and counted meanwhile. */
const staleMs = 3_000

interface Figure {
  askedAt: number
  isAsking: boolean
  countedAt: number
  row: BacklogRow | undefined
}

/**
 * How many items wait on queues. What is known is from a second ago: asked for by who accepts, once a second, and while a node
 * works also by its own loop, for those who accept in SQL. So a limit may be overshot by what comes in two seconds, and by what comes while the first figure after a pause is asked for.
 */
export class Backlog implements Part {
  readonly #database: OpenDatabase
  readonly #events: Events
  readonly #figures = new Map<number, Figure>()
  readonly #loop: Loop
  /** Asked for on behalf of all: not in the transaction, or the handler, that happens to be the first. */
  readonly #outside = AsyncLocalStorage.snapshot()

  /** @param queuesAtWork numbers of the queues that this node runs items of */
  constructor(database: OpenDatabase, events: Events, queuesAtWork: () => readonly number[]) {
    this.#database = database
    this.#events = events
    this.#loop = new Loop(
      async () => {
        const queues = queuesAtWork()
        if (queues.length > 0) await this.#count(queues)
        return everyMs
      },
      (error) => events.emit('problem', { where: 'backlog', error }),
    )
  }

  async start(): Promise<void> {
    await this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** @throws CoatcheckError `QUEUE_FULL` */
  check(queue: QueueRow): void {
    const now = performance.now()
    const figure = this.#figureOf(queue.number)
    if (now - figure.askedAt >= everyMs && !figure.isAsking) this.#ask(queue.number, figure)
    const { row } = figure
    if (!row || now - figure.countedAt > staleMs || row.waiting < row.maxWaiting) return
    throw new CoatcheckError(
      'QUEUE_FULL',
      `${showNumber(row.waiting)} items wait on the queue "${queue.name}"; the limit is ${showNumber(row.maxWaiting)}. Nothing was accepted; try again in some seconds`,
      { retryAfterMs: Math.round(retryMs.least + Math.random() * retryMs.spread) },
    )
  }

  #figureOf(queue: number): Figure {
    let figure = this.#figures.get(queue)
    if (!figure) {
      figure = { askedAt: -Infinity, isAsking: false, countedAt: -Infinity, row: undefined }
      this.#figures.set(queue, figure)
    }
    return figure
  }

  /** Nobody waits for it. One at a time: a database that is slow is not asked for more and more. */
  #ask(queue: number, figure: Figure): void {
    figure.askedAt = performance.now()
    figure.isAsking = true
    this.#outside(() => this.#count([queue]))
      .catch((error: unknown) => this.#events.emit('problem', { where: 'backlog', error }))
      .finally(() => (figure.isAsking = false))
  }

  async #count(queues: readonly number[]): Promise<void> {
    const { driver, schema } = this.#database
    for (const row of await countBacklog(driver, schema, queues)) {
      const figure = this.#figureOf(row.queue)
      figure.row = row
      figure.countedAt = performance.now()
    }
  }
}
