import { CoatcheckError } from '../base/errors.ts'
import type { QueueItemId } from '../base/ids.ts'
import { writeJsonText } from '../base/json.ts'
import type { Tx } from '../base/tx.ts'
import type { Enqueueable, EnqueueOptions, HandlerContext } from '../define/context.ts'
import type { Item, RequestContext } from '../define/item.ts'
import type { Enqueuer } from './enqueuer.ts'
import type { Gathered } from './gathered.ts'
import type { WorkItem } from './work-item.ts'

/** A line that a handler wrote, until it is stored with the outcome. */
export interface LogLine {
  readonly at: number
  readonly message: string
  readonly data: string | undefined
}

/** What an attempt needs of the node. */
export interface AttemptSurroundings {
  readonly enqueuer: Enqueuer
  /** The item as `ctx.item` shows it. */
  describe(item: WorkItem): Item
  /** The time of the database, in milliseconds. */
  readonly now: () => number
}

const maxLogLines = 1000
const maxNoteBytes = 64_000

/** One attempt at an item, and the context that its handler gets. Most handlers need few of its parts, so they are made when asked for. */
export class Attempt implements HandlerContext {
  readonly #work: WorkItem
  readonly #surroundings: AttemptSurroundings
  readonly context: RequestContext
  #abort: AbortController | undefined
  #item: Item | undefined
  #over = false
  abortedAt = 0
  reportedStuck = false
  lines: LogLine[] | undefined
  writes: ((tx: Tx) => unknown)[] | undefined
  gathered: Gathered | undefined
  progressText: string | undefined

  constructor(work: WorkItem, surroundings: AttemptSurroundings, context: RequestContext) {
    this.#work = work
    this.#surroundings = surroundings
    this.context = context
  }

  get item(): Item {
    return (this.#item ??= this.#surroundings.describe(this.#work))
  }

  /** The context of what the handler enqueues. What runs in a request is no item that could be named. */
  get handedOn(): RequestContext {
    return this.#work.partition.queue === 0 ? this.context : { ...this.context, causationId: this.#work.id }
  }

  get attempt(): number {
    return this.#work.attempts + 1
  }

  get token(): number {
    return this.#work.partition.epoch
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.abortedAt > 0 && !this.#abort.signal.aborted) this.#abort.abort(this.abortReason)
    return this.#abort.signal
  }

  abortReason: CoatcheckError | undefined

  // Made when asked for, and bound: `async ({ id }, { log, enqueue }) => …` works, and who takes none pays for none.
  get log(): HandlerContext['log'] {
    return (message, data) => this.#log(message, data)
  }

  get progress(): HandlerContext['progress'] {
    return (value) => this.#progress(value)
  }

  get enqueue(): HandlerContext['enqueue'] {
    return (target, input, options) => this.#enqueue(target, input, options)
  }

  get atCommit(): HandlerContext['atCommit'] {
    return (write) => {
      this.#check('atCommit')
      this.writes ??= []
      this.writes.push(write)
    }
  }

  #log(message: string, data: unknown): void {
    this.#check('log')
    this.lines ??= []
    if (this.lines.length >= maxLogLines) return
    this.lines.push({
      at: performance.now(),
      // What PostgreSQL can store; a pair of surrogates may have been cut in half.
      message: String(message).slice(0, 2000).replaceAll('\0', '\u{fffd}').toWellFormed(),
      data:
        data === undefined
          ? undefined
          : writeJsonText(data, { maxBytes: maxNoteBytes, what: 'the data of a log line', option: null }),
    })
  }

  #progress(value: unknown): void {
    this.#check('progress')
    this.progressText = writeJsonText(value, { maxBytes: maxNoteBytes, what: 'the progress', option: null })
    this.#work.published = false
  }

  async #enqueue<Input, Result>(
    target: Enqueueable<Input, Result>,
    input: Input,
    options: EnqueueOptions = {},
  ): Promise<QueueItemId<Result>> {
    this.#check('enqueue')
    const gathered = (this.gathered ??= this.#surroundings.enqueuer.gather())
    const context = this.handedOn
    // While it was checked the attempt may have ended: what its settle carries is settled by then.
    const check = (): void => this.#check('enqueue')
    return this.#surroundings.enqueuer.enqueue(gathered, target, input, options, context, check) as Promise<
      QueueItemId<Result>
    >
  }

  /** Tells the handler to stop. */
  cancel(reason: CoatcheckError): void {
    if (this.abortedAt > 0) return
    this.abortedAt = performance.now()
    this.abortReason = reason
    this.#abort?.abort(reason)
  }

  /** The handler has returned or thrown: whatever it left running can change nothing more. */
  end(): void {
    this.#over = true
  }

  #check(method: string): void {
    if (this.#over)
      throw new CoatcheckError(
        'HANDLER_OVER',
        `${method} was called after attempt ${this.attempt} of item ${this.#work.id} had ended; await all that the handler starts`,
      )
  }
}
