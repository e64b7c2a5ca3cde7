import { hostname } from 'node:os'
import { toMs, type Duration } from './base/duration.ts'
import { CoatcheckError, isCoatcheckError } from './base/errors.ts'
import { Events } from './base/events.ts'
import type { QueueItemId } from './base/ids.ts'
import { unknownOption } from './base/suggestion.ts'
import type { Tx } from './base/tx.ts'
import { checkNode } from './base/version.ts'
import { packageVersion } from './base/version.ts'
import type { Enqueueable, EnqueueOptions, Receipt } from './define/context.ts'
import type { FailureRecord } from './define/failure.ts'
import type { Item, ItemLogEntry } from './define/item.ts'
import { DatabaseWatch } from './engine/database-watch.ts'
import { Engine } from './engine/engine.ts'
import { findDefinition } from './engine/enqueuer.ts'
import { putTogether } from './engine/returned.ts'
import { apiKeysOf, type ApiKeys } from './http/api-keys.ts'
import { createHttpDoor, type HttpDoor } from './http/door.ts'
import type { HttpListener } from './http/listener.ts'
import type { Report } from './http/problem.ts'
import { itemActs, type ItemActs } from './node/acts.ts'
import { withCallbacks } from './node/callbacks.ts'
import { describeNode } from './node/description.ts'
import { ItemEndedError } from './node/item-ended.ts'
import { listen, listenWarnings } from './node/listening.ts'
import { operate, type Operating } from './node/operate.ts'
import { checkOptions, serverUrl, type CheckedOptions, type NodeOptions } from './node/options.ts'
import { nodeQueues, type NodeQueues, type QueuePartitions } from './node/queues.ts'
import { logEvents } from './observe/log.ts'
import type { OperatorRole } from './operate/operator.ts'
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

export interface ConsoleLinkOptions {
  /** What whoever opens it may do: `observer`, `operator` or `administrator` (unless set). */
  readonly role?: OperatorRole
}

/** A process at work. One that was never started is a client: it accepts, looks up and waits for results. */
export interface Node extends ItemActs {
  /** Its boot id: another one after every start of the process. */
  readonly id: string
  /** What happens inside. */
  readonly events: Events
  /** Where it listens, once started: `http://127.0.0.1:3000`. */
  readonly url: string | undefined
  /** Things to know about the database and its queues, in sentences. */
  readonly warnings: readonly string[]
  /** Begins to run items (a `background` node) and to listen (a `web` node). Again is fine. */
  start(): Promise<void>
  /** Finishes what runs, until `stopTimeout`; gives the rest back at once, without using up an attempt. Again is fine. */
  stop(): Promise<void>
  /**
   * Hands work over. The item is durable when this resolves with its id.
   * @throws CoatcheckError `PAYLOAD_INVALID` and its kind, `KEY_INVALID`, `OPTION_INVALID`, `UNKNOWN_PROCESSOR`,
   * `DATABASE_UNREACHABLE`, `OUTCOME_UNKNOWN`, `BACKLOG_FULL`, `QUEUE_FULL`, `UNIQUE_KEY_BUSY`, `UNIQUE_KEY_REUSED`
   */
  enqueue<Input, Result>(
    target: Enqueueable<Input, Result>,
    input: NoInfer<Input>,
    options?: NodeEnqueueOptions,
  ): Promise<QueueItemId<Result>>
  /**
   * As `enqueue`, and says what came of it: a new item, one that was there already under the unique key, or one that waited
   * under the debounce key and has the new payload now.
   * @throws CoatcheckError as `enqueue`
   * @example
   * const { id, outcome } = await node.accept(provision, input, { uniqueKey: request.id, uniqueFor: '10 minutes' })
   */
  accept<Input, Result>(
    target: Enqueueable<Input, Result>,
    input: NoInfer<Input>,
    options?: NodeEnqueueOptions,
  ): Promise<Receipt<Result>>
  /**
   * Hands over many at once: all are checked before any is accepted. The ids are in the order of the inputs. Up to 5,000 items and
   * 8,000,000 characters are accepted all or none, and with `tx` however many; without, more go one flush after the other.
   * @throws CoatcheckError as `enqueue`; where only the first were accepted, with their ids in `accepted`
   */
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
  /**
   * Gives a queue another number of partitions, while all nodes work. What is accepted from then on goes to new partitions, which
   * are run when the old ones are drained; items of one key keep their order. The same number changes nothing.
   * @param queue its name: `standard`, or that of the definition it is dedicated to
   * @param partitions 1 to 4,096; the numbers of all partitions that the queue ever had are 4,096 together
   * @throws CoatcheckError `UNKNOWN_QUEUE`, `OPTION_INVALID`, `PARTITIONS_USED_UP`
   */
  repartition(queue: string, partitions: number): Promise<QueuePartitions>
  /** Runs a statement of yours on the node's database. */
  query: Tx['query']
  /** Runs a transaction of yours on the node's database: commits when `work` returns, rolls back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** The API keys of all nodes of this database and schema. */
  readonly apiKeys: ApiKeys
  /**
   * Makes a link to the console that signs somebody in, once and within 10 minutes. Where the node does not listen it is a path.
   * @throws CoatcheckError `OPTION_INVALID`
   */
  consoleLink(options?: ConsoleLinkOptions): Promise<string>
  /** The queues of all nodes of this database and schema: to pause, stop and start them, and to change how many items run at once. */
  readonly queues: NodeQueues
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
  checkNode()
  const checked = checkOptions(options)
  const database = await openDatabase(checked.database)
  const running = new RunningNode(checked, database)
  const node: Node = Object.assign(running, itemActs(engineOf(running).acts))
  try {
    await running.open()
    return node
  } catch (error) {
    await node.stop()
    throw error
  }
}

const engines = new WeakMap<object, Engine>()

/** What drives a node, for `coatcheck/testing`. */
export function engineOf(node: object): Engine {
  const engine = engines.get(node)
  if (!engine) throw new TypeError('This is not a node that createNode made')
  return engine
}

class RunningNode implements Omit<Node, keyof ItemActs> {
  readonly events = new Events()
  readonly apiKeys: ApiKeys
  readonly queues: NodeQueues
  readonly #options: CheckedOptions
  readonly #database: OpenDatabase
  readonly #engine: Engine
  readonly #watch: DatabaseWatch
  readonly #door: HttpDoor
  readonly #operating: Operating
  #listener: HttpListener | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #closed = false

  constructor(options: CheckedOptions, database: OpenDatabase) {
    this.#options = options
    this.#database = database
    this.apiKeys = apiKeysOf(database)
    const name = options.name ?? hostname()
    const basePath = (options.http && options.http.basePath) || ''
    const { definitions, checkCallback } = withCallbacks(options, basePath)
    if (options.log)
      logEvents(this.events, options.log, (id) => (definitions.get(id)?.secret ?? []).length > 0)
    const describe = describeNode(options, definitions, () => this.url)
    this.#engine = new Engine({
      describe,
      database,
      definitions,
      events: this.events,
      name,
      version: packageVersion,
      types: options.nodeTypes,
      url: serverUrl(options.database),
      preparedStatements: options.preparedStatements,
      maxUnsettled: options.maxUnsettled,
      stopTimeoutMs: options.stopTimeoutMs,
    })
    this.queues = nodeQueues(this.#engine.queues)
    this.#watch = new DatabaseWatch(database, this.events)
    engines.set(this, this.#engine)
    const report: Report = (error, reference, definition) =>
      this.events.emit('problem', {
        where: reference === undefined ? 'http' : `http ${reference}`,
        error,
        ...(definition !== undefined && { definition }),
      })
    const { auth, operate: settings } = options
    const shared = {
      name,
      environment: process.env['NODE_ENV'],
      durability: database.driver.kind === 'pglite' ? 'development' : 'durable',
      basePath,
      checkCallback,
    } as const
    this.#operating = operate({
      ...shared,
      database,
      engine: this.#engine,
      types: options.nodeTypes,
      describe,
      auth,
      settings,
      report,
    })
    this.#door = createHttpDoor({
      ...shared,
      road: this.#engine,
      ...(auth && { auth: { ...auth, signIn: this.#operating.callers } }),
      doors: this.#operating.doors,
      onError: report,
    })
  }

  open(): Promise<void> {
    return this.#engine.open()
  }

  get id(): string {
    return this.#engine.bootId
  }

  get warnings(): readonly string[] {
    return [...this.#database.warnings, ...listenWarnings(this.#options), ...this.#engine.warnings]
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

  async accept<Input, Result>(
    target: Enqueueable<Input, Result>,
    input: NoInfer<Input>,
    options: NodeEnqueueOptions = {},
  ): Promise<Receipt<Result>> {
    this.#checkOpen()
    return (await this.#engine.receive(
      findDefinition(this.#engine.definitions, target),
      input,
      options,
    )) as Receipt<Result>
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
    if (item.state === 'succeeded') return putTogether(item.result, standing.reply) as Result
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

  async repartition(queue: string, partitions: number): Promise<QueuePartitions> {
    this.#checkOpen()
    const { generation, partitions: count, changed } = await this.#engine.repartition(queue, partitions)
    return { queue, generation, partitions: count, changed }
  }

  query(text: string, values?: unknown[]): ReturnType<Tx['query']> {
    return this.#database.driver.query(text, values)
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#database.driver.transaction((transaction) =>
      work({ query: (text, values) => transaction.query(text, values) }),
    )
  }

  async consoleLink({ role = 'administrator' }: ConsoleLinkOptions = {}): Promise<string> {
    this.#checkOpen()
    return (this.url ?? '') + (await this.#operating.consolePath(role))
  }

  fetch(request: Request): Promise<Response> {
    return this.#door.fetch(request)
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new CoatcheckError('NODE_STOPPED', 'the node has been stopped and accepts nothing more')
  }

  async #start(): Promise<void> {
    await this.#watch.start()
    await this.#engine.start()
    const { http, nodeTypes } = this.#options
    if (http !== false && nodeTypes.includes('web') && !this.#listener)
      this.#listener = await listen(this.#door, http, this.#options.auth !== undefined)
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    // Backward: no new work from outside, then the work itself, then what it stands on.
    await this.#listener?.stop()
    // those who came through a server that mounts `fetch`
    this.#door.releaseWaits()
    await this.#door.settle()
    await this.#engine.stop()
    await this.#watch.stop()
    this.#closed = true
    await this.#database.driver.close()
  }
}
