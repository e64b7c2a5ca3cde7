import { hostname } from 'node:os'
import { toMs, type Duration } from './base/duration.ts'
import { CoatcheckError, isCoatcheckError } from './base/errors.ts'
import { Events } from './base/events.ts'
import type { QueueItemId } from './base/ids.ts'
import { unknownOption } from './base/suggestion.ts'
import type { Tx } from './base/tx.ts'
import { packageVersion } from './base/version.ts'
import type { Enqueueable, EnqueueOptions } from './define/context.ts'
import type { FailureRecord } from './define/failure.ts'
import type { Item, ItemLogEntry } from './define/item.ts'
import { Engine } from './engine/engine.ts'
import { findDefinition } from './engine/enqueuer.ts'
import { createHttpDoor, type HttpDoor } from './http/door.ts'
import { HttpListener } from './http/listener.ts'
import { ItemEndedError } from './node/item-ended.ts'
import { checkOptions, type CheckedOptions, type HttpOptions, type NodeOptions } from './node/options.ts'
import { logEvents } from './observe/log.ts'
import { openDatabase, type OpenDatabase } from './store/database.ts'

export interface NodeEnqueueOptions extends EnqueueOptions {
  /** Accept in your own transaction: a `pg` client, or one made by `coatcheck/tx`. The item is there if it commits. */
  readonly tx?: Tx
}

export interface ResultOptions {
  /** How long to wait for the end: 0 unless set. */
  readonly wait?: Duration
  readonly signal?: AbortSignal
}

/** A process at work. One that was never started is a client: it accepts, looks up and waits for results. */
export interface Node {
  /** Its boot id: another one after every start of the process. */
  readonly id: string
  /** What happens inside. */
  readonly events: Events
  /** Where it listens, once started: `http://127.0.0.1:3000`. */
  readonly url: string | undefined
  /** Things to know about the database, in sentences. */
  readonly warnings: readonly string[]
  /** Begins to run items (a `background` node) and to listen (a `web` node). Again is fine. */
  start(): Promise<void>
  /** Finishes what runs, until `stopTimeout`; gives the rest back at once, without using up an attempt. Again is fine. */
  stop(): Promise<void>
  /**
   * Hands work over. The item is durable when this resolves with its id.
   * @throws CoatcheckError `PAYLOAD_INVALID` and its kind, `KEY_INVALID`, `OPTION_INVALID`, `UNKNOWN_PROCESSOR`,
   * `DATABASE_UNREACHABLE`, `OUTCOME_UNKNOWN`, `BACKLOG_FULL`
   */
  enqueue<Input, Result>(
    target: Enqueueable<Input, Result>,
    input: NoInfer<Input>,
    options?: NodeEnqueueOptions,
  ): Promise<QueueItemId<Result>>
  /** Hands over many at once: all are checked before any is accepted. The ids are in the order of the inputs. */
  enqueueMany<Input, Result>(
    target: Enqueueable<Input, Result>,
    inputs: readonly NoInfer<Input>[],
    options?: NodeEnqueueOptions,
  ): Promise<QueueItemId<Result>[]>
  /** An item in any state, at once after it was accepted and from any node; undefined where there is none (any more). */
  item<Result>(id: QueueItemId<Result>): Promise<Item<Result> | undefined>
  /** What the handler wrote and what happened to the item, oldest first. */
  itemLog(id: string): Promise<ItemLogEntry[]>
  /**
   * The result of an item.
   * @throws CoatcheckError `RESULT_PENDING` when it has not ended in time, `ITEM_BROKEN` (with `failure`), `ITEM_CANCELLED`,
   * `ITEM_NOT_FOUND`, `NODE_STOPPED`
   */
  result<Result>(id: QueueItemId<Result>, options?: ResultOptions): Promise<Result>
  /** Runs a statement of yours on the node's database. */
  query: Tx['query']
  /** Runs a transaction of yours on the node's database: commits when `work` returns, rolls back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Answers an HTTP request: mounts the node into a server of yours. */
  fetch(request: Request): Promise<Response>
}

/**
 * Makes a node: checks the configuration, opens the database and brings its schema up to date.
 * @throws CoatcheckError `CONFIG_INVALID` with all problems at once; what opening the database throws
 * @example
 * const node = await createNode({ applications: [app], database: process.env.DATABASE_URL })
 * await node.start()
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const checked = checkOptions(options)
  const database = await openDatabase(checked.database)
  const node = new RunningNode(checked, database)
  try {
    await node.open()
    return node
  } catch (error) {
    await node.stop()
    throw error
  }
}

const engines = new WeakMap<Node, Engine>()

/** What drives a node, for `coatcheck/testing`. */
export function engineOf(node: Node): Engine {
  const engine = engines.get(node)
  if (!engine) throw new TypeError('This is not a node that createNode made')
  return engine
}

class RunningNode implements Node {
  readonly events = new Events()
  readonly warnings: readonly string[]
  readonly #options: CheckedOptions
  readonly #database: OpenDatabase
  readonly #engine: Engine
  readonly #door: HttpDoor
  #listener: HttpListener | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #closed = false

  constructor(options: CheckedOptions, database: OpenDatabase) {
    this.#options = options
    this.#database = database
    this.warnings = database.warnings
    if (options.log) logEvents(this.events, options.log)
    const name = options.name ?? hostname()
    const url =
      typeof options.database.database === 'string' && options.database.database !== 'embedded'
        ? options.database.database
        : undefined
    this.#engine = new Engine({
      database,
      definitions: options.registry.definitions,
      events: this.events,
      name,
      version: packageVersion,
      types: options.nodeTypes,
      url,
      preparedStatements: options.preparedStatements,
      maxUnsettled: options.maxUnsettled,
      stopTimeoutMs: options.stopTimeoutMs,
    })
    engines.set(this, this.#engine)
    this.#door = createHttpDoor({
      road: this.#engine,
      name,
      environment: process.env['NODE_ENV'],
      durability: database.driver.kind === 'pglite' ? 'development' : 'durable',
      ...(options.http && options.http.basePath !== undefined ? { basePath: options.http.basePath } : {}),
      onError: (error, reference) =>
        this.events.emit('problem', { where: reference === undefined ? 'http' : `http ${reference}`, error }),
    })
  }

  open(): Promise<void> {
    return this.#engine.open()
  }

  get id(): string {
    return this.#engine.bootId
  }

  get url(): string | undefined {
    return this.#listener?.url
  }

  start(): Promise<void> {
    if (this.#stopping)
      return Promise.reject(
        new CoatcheckError('NODE_STOPPED', 'the node has been stopped; make another with createNode'),
      )
    this.#starting ??= this.#start().catch((error: unknown) => {
      // Honest: a start that failed may be tried again.
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async enqueue<Input, Result>(
    target: Enqueueable<Input, Result>,
    input: NoInfer<Input>,
    options: NodeEnqueueOptions = {},
  ): Promise<QueueItemId<Result>> {
    this.#checkOpen()
    return (await this.#engine.accept(
      findDefinition(this.#engine.definitions, target),
      input,
      options,
    )) as QueueItemId<Result>
  }

  async enqueueMany<Input, Result>(
    target: Enqueueable<Input, Result>,
    inputs: readonly NoInfer<Input>[],
    options: NodeEnqueueOptions = {},
  ): Promise<QueueItemId<Result>[]> {
    this.#checkOpen()
    return (await this.#engine.acceptMany(
      findDefinition(this.#engine.definitions, target),
      inputs,
      options,
    )) as QueueItemId<Result>[]
  }

  async item<Result>(id: QueueItemId<Result>): Promise<Item<Result> | undefined> {
    try {
      return (await this.#engine.item(id)) as Item<Result> | undefined
    } catch (error) {
      if (isCoatcheckError(error, 'ITEM_ID_INVALID')) return undefined
      throw error
    }
  }

  itemLog(id: string): Promise<ItemLogEntry[]> {
    return this.#engine.itemLog(id)
  }

  async result<Result>(id: QueueItemId<Result>, options: ResultOptions = {}): Promise<Result> {
    for (const name of Object.keys(options))
      if (name !== 'wait' && name !== 'signal')
        throw new CoatcheckError('OPTION_INVALID', unknownOption(name, ['wait', 'signal']))
    const waitMs = options.wait === undefined ? 0 : toMs(options.wait, 'wait')
    const standing = await this.#engine.standing(id, {
      waitMs,
      ...(options.signal ? { signal: options.signal } : {}),
    })
    if (!standing)
      throw new CoatcheckError(
        'ITEM_NOT_FOUND',
        `there is no item ${String(id)}: it was never accepted, its retention is over, or its queue keeps only what failed`,
      )
    const { item } = standing
    if (item.state === 'succeeded') return item.result as Result
    if (item.state === 'broken') throw new ItemEndedError('ITEM_BROKEN', item, item.error as FailureRecord)
    if (item.state === 'cancelled') throw new ItemEndedError('ITEM_CANCELLED', item, undefined)
    const { aborted = false, reason } = options.signal ?? {}
    const waited = waitMs > 0 ? ` within ${waitMs} ms` : '; give { wait } to wait for it'
    throw new CoatcheckError(
      'RESULT_PENDING',
      `item ${item.id} is ${item.state} and has not ended${aborted ? '; its signal ended the wait' : waited}`,
      { cause: aborted ? (reason as unknown) : undefined },
    )
  }

  query(text: string, values?: unknown[]): ReturnType<Tx['query']> {
    return this.#database.driver.query(text, values)
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#database.driver.transaction((transaction) =>
      work({ query: (text, values) => transaction.query(text, values) }),
    )
  }

  fetch(request: Request): Promise<Response> {
    return this.#door.fetch(request)
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new CoatcheckError('NODE_STOPPED', 'the node has been stopped and accepts nothing more')
  }

  async #start(): Promise<void> {
    await this.#engine.start()
    const { http, nodeTypes } = this.#options
    if (http !== false && nodeTypes.includes('web') && !this.#listener)
      this.#listener = await listen(this.#door, http)
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    // Backward: no new work from outside, then the work itself, then what it stands on.
    await this.#listener?.stop()
    await this.#engine.stop()
    this.#closed = true
    await this.#database.driver.close()
  }
}

/** Listens where it was told; where nothing was said and the usual port is taken, on a free one. */
async function listen(door: HttpDoor, http: HttpOptions): Promise<HttpListener> {
  const place = { door, ...(http.host === undefined ? {} : { host: http.host }) }
  const listener = new HttpListener({ ...place, ...(http.port === undefined ? {} : { port: http.port }) })
  try {
    await listener.start()
    return listener
  } catch (error) {
    if (http.port !== undefined || !isTaken(error)) throw error
    const other = new HttpListener({ ...place, port: 0 })
    await other.start()
    return other
  }
}

function isTaken(error: unknown): boolean {
  const cause = (error as { cause?: { code?: unknown } } | undefined)?.cause
  return cause?.code === 'EADDRINUSE' || (error as { code?: unknown } | undefined)?.code === 'EADDRINUSE'
}
