import type { Events } from '../base/events.ts'
import { createUuid, parseItemId, type QueueItemId } from '../base/ids.ts'
import type { Part } from '../base/part.ts'
import type { Receipt } from '../define/context.ts'
import type { Definition } from '../define/definition.ts'
import { hasEnded, type Item, type ItemLogEntry, type RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Repartitioned } from '../store/generations.ts'
import type { NodeDescription } from '../store/node-descriptions.ts'
import { readClock } from '../store/topology.ts'
import { PostgresStream } from '../stream/postgres-stream.ts'
import type { Stream } from '../stream/stream.ts'
import { Acceptor, type AcceptOptions } from './accept.ts'
import { ActDesk } from './act-desk.ts'
import { AlertWatch } from './alert-watch.ts'
import { assembleWork } from './assembly.ts'
import { Backlog } from './backlog.ts'
import { withCallbacks } from './callback-item.ts'
import { DatabaseClock } from './database-clock.ts'
import { Enqueuer } from './enqueuer.ts'
import { inheritedContext } from './execute.ts'
import type { ImmediateServices, Road, Standing, StandingOptions } from './face.ts'
import { ImmediatePlaces } from './immediate-places.ts'
import { immediateServices } from './immediate.ts'
import { Lookup } from './lookup.ts'
import type { OwnedPartition } from './owned-partition.ts'
import type { Asker } from './prepare.ts'
import { QueueDesk } from './queue-desk.ts'
import { QueueFigures } from './queue-figures.ts'
import { QueueStatistics } from './queue-statistics.ts'
import { QueuedCalls } from './queued-calls.ts'
import { repartition, type AlongWithPartitions } from './repartition.ts'
import { Topology } from './topology.ts'
import { Waiters } from './waiters.ts'
import type { WorkingParts } from './working-parts.ts'

export interface EngineOptions {
  readonly database: OpenDatabase
  readonly definitions: ReadonlyMap<string, Definition>
  readonly events: Events
  readonly name: string
  readonly version: string
  readonly types: readonly string[]
  /** For the heartbeat's own connection; undefined: it beats on the main thread. */
  readonly url: string | undefined
  readonly preparedStatements: boolean
  readonly maxUnsettled: number
  /** How long `stop` lets handlers go on before it tells them to stop. */
  readonly stopTimeoutMs: number
  /** What the node was made with, for those who operate it; unset: it does not say. */
  readonly describe?: () => NodeDescription
  /** The log; unless set, the one in `database`. */
  readonly stream?: Stream
}

/** The road: takes work in, runs it, settles it, and says how it stands. */
export class Engine implements Part, Road {
  readonly definitions: ReadonlyMap<string, Definition>
  readonly bootId = createUuid()
  readonly #options: EngineOptions
  readonly #topology: Topology
  readonly #clock: DatabaseClock
  readonly #stream: Stream
  readonly acceptor: Acceptor
  readonly #lookup: Lookup
  readonly #waiters: Waiters
  readonly #enqueuer: Enqueuer
  readonly immediate: ImmediateServices
  readonly acts: ActDesk
  readonly queues: QueueDesk
  readonly #backlog: Backlog
  readonly statistics: QueueStatistics
  readonly figures: QueueFigures
  readonly alerts: AlertWatch
  readonly #owned = new Map<string, OwnedPartition>()
  #work: WorkingParts | undefined
  #stopping: Promise<void> | undefined

  constructor(options: EngineOptions) {
    const { database, events } = options
    const definitions = withCallbacks(options.definitions)
    this.#options = { ...options, definitions }
    this.definitions = definitions
    this.#topology = new Topology(database, [...definitions.values()])
    this.#clock = new DatabaseClock(() => readClock(database.driver, database.schema))
    this.#stream = options.stream ?? new PostgresStream(database)
    this.#waiters = new Waiters(database, events)
    this.#lookup = new Lookup(database, this.#topology, definitions, events)
    this.#enqueuer = new Enqueuer(definitions, this.#topology, this.#clock)
    this.#backlog = new Backlog(database, events, () => [
      ...new Set(Array.from(this.#owned.values(), ({ queue }) => queue)),
    ])
    this.statistics = new QueueStatistics(database, events, () => this.#clock.now())
    this.figures = new QueueFigures(database)
    this.alerts = new AlertWatch(database, this.figures, events)
    const doors = {
      database,
      stream: this.#stream,
      topology: this.#topology,
      clock: this.#clock,
      backlog: this.#backlog,
      onAppended: (places: readonly { queue: number; partition: number }[]) => this.#appended(places),
      onAccepted: (queue: number, count: number) => this.statistics.accepted(queue, count),
    }
    this.immediate = immediateServices({
      ...doors,
      enqueuer: this.#enqueuer,
      queued: new QueuedCalls((id) => this.#isOpen(id)),
      places: new ImmediatePlaces(),
      append: (placed, tx) => this.acceptor.append(placed, tx),
      accept: (definition, input, asker, tx) => this.accept(definition, input, { tx }, asker),
    })
    this.acceptor = new Acceptor({
      ...doors,
      onAway: (error) => events.emit('problem', { where: 'accept', error }),
    })
    this.queues = new QueueDesk(database, () => this.#work?.wakeControl())
    this.acts = new ActDesk({
      database,
      topology: this.#topology,
      definitions,
      events,
      now: () => this.#clock.now(),
      item: (id) => this.item(id),
      onAsked: () => this.#work?.wakeActs(),
      accept: (definition, input, context, tx) => this.accept(definition, input, { tx }, context),
      onAccepted: (id) => this.#appended([parseItemId(id)]),
    })
  }

  get database(): OpenDatabase {
    return this.#options.database
  }

  /** Partitions that this node owns at the moment. */
  get ownedPartitions(): number {
    return this.#owned.size
  }

  /** What is to be known about the queues, in sentences. */
  get warnings(): string[] {
    return this.#topology.differences()
  }

  /** Makes the definitions known and learns the queues: after that a call within somebody's transaction needs no other. */
  async open(): Promise<void> {
    await this.#topology.load()
  }

  async start(): Promise<void> {
    await this.#topology.load()
    if (this.#work || !this.#options.types.includes('background')) return
    const work = assembleWork({
      options: this.#options,
      bootId: this.bootId,
      topology: this.#topology,
      clock: this.#clock,
      stream: this.#stream,
      waiters: this.#waiters,
      enqueuer: this.#enqueuer,
      owned: this.#owned,
      statistics: this.statistics,
      onAppended: (places) => this.#appended(places),
    })
    try {
      await work.start()
      await this.#backlog.start()
      await this.alerts.start()
    } catch (error) {
      // Nothing of it goes on: the next start begins anew.
      await work.stop(0)
      throw error
    }
    this.#work = work
    this.#options.events.emit('node.started', { node: this.bootId })
  }

  /** Reads the time again and looks at all that may be due: for tests, whose clock jumps. */
  async wake(): Promise<void> {
    this.#clock.note(await readClock(this.#options.database.driver, this.#options.database.schema))
    this.#work?.wakeAll()
  }

  /** Takes nothing more, finishes what runs until the deadline, releases the rest. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async accept(
    definition: Definition,
    input: unknown,
    options: AcceptOptions = {},
    asker?: Asker,
  ): Promise<QueueItemId> {
    const accepted = await this.acceptor.accept(definition, input, options, asker ?? inheritedContext())
    return typeof accepted === 'string' ? accepted : accepted.id
  }

  /** Accepts, and says whether that made an item. */
  async receive(
    definition: Definition,
    input: unknown,
    options: AcceptOptions = {},
    asker?: Asker,
  ): Promise<Receipt> {
    const accepted = await this.acceptor.accept(definition, input, options, asker ?? inheritedContext())
    return typeof accepted === 'string' ? { id: accepted, outcome: 'new' } : accepted
  }

  async acceptMany(
    definition: Definition,
    inputs: readonly unknown[],
    options: AcceptOptions = {},
    context?: RequestContext,
  ): Promise<QueueItemId[]> {
    return this.acceptor.acceptMany(definition, inputs, options, context ?? inheritedContext())
  }

  async item(id: string): Promise<Item | undefined> {
    return (await this.#lookup.standing(id))?.item
  }

  itemLog(id: string): Promise<ItemLogEntry[]> {
    return this.#lookup.log(id)
  }

  async standing(id: string, options: StandingOptions = {}): Promise<Standing | undefined> {
    return this.#lookup.untilEnded(id, this.#waiters, options)
  }

  mayHaveExpired(id: string): boolean {
    return this.#lookup.mayHaveExpired(id, this.#clock.now())
  }

  async repartition(queue: string, partitions: number, along?: AlongWithPartitions): Promise<Repartitioned> {
    const made = await repartition(this.#options.database, queue, partitions, along)
    await this.#topology.refresh()
    // Nobody owns them yet: every node looks.
    this.#stream.hint([{ queue: made.number, partition: made.firstPartition }], true)
    this.#work?.wakeAll()
    return made
  }

  async #isOpen(id: string): Promise<boolean> {
    const standing = await this.#lookup.standing(id, 0)
    return standing !== undefined && !hasEnded(standing.item)
  }

  async #stop(): Promise<void> {
    // A look that is under way has its deadlines, and keeps nothing else waiting.
    const alerts = this.alerts.stop()
    await this.#backlog.stop()
    // Handlers that are being finished may still enqueue.
    await this.#work?.stop(this.#options.stopTimeoutMs)
    await this.acceptor.close()
    await this.statistics.stop()
    await alerts
    await this.#stream.close()
    await this.#waiters.stop()
    this.#options.events.emit('node.stopped', { node: this.bootId })
  }

  #appended(places: readonly { readonly queue: number; readonly partition: number }[]): void {
    const elsewhere = places.filter((place) => {
      const partition = this.#owned.get(`${place.queue}/${place.partition}`)
      if (partition) partition.hinted = true
      return !partition
    })
    if (elsewhere.length < places.length) this.#work?.wakeReader()
    if (elsewhere.length > 0) this.#stream.hint(elsewhere)
  }
}
