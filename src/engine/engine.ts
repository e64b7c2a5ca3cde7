import type { Events } from '../base/events.ts'
import { createUuid, parseItemId, type QueueItemId } from '../base/ids.ts'
import type { Part } from '../base/part.ts'
import type { Receipt } from '../define/context.ts'
import { queuesOf, type Definition } from '../define/definition.ts'
import type { Item, ItemLogEntry, RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Repartitioned } from '../store/generations.ts'
import { readClock } from '../store/topology.ts'
import { PostgresStream } from '../stream/postgres-stream.ts'
import type { Stream } from '../stream/stream.ts'
import { Acceptor, type AcceptOptions } from './accept.ts'
import { ActDesk } from './act-desk.ts'
import { Acts } from './acts.ts'
import { Backlog } from './backlog.ts'
import { callbackRows, withCallbacks } from './callback-item.ts'
import { CrashGuard } from './crash-guard.ts'
import { DatabaseClock } from './database-clock.ts'
import { Dispatcher } from './dispatcher.ts'
import { Enqueuer } from './enqueuer.ts'
import { inheritedContext } from './execute.ts'
import type { ImmediateServices, Road, Standing, StandingOptions } from './face.ts'
import { tellFailure } from './failure-events.ts'
import { Heartbeat } from './heartbeat.ts'
import { HoleWatch } from './hole-watch.ts'
import { Housekeeping } from './housekeeping.ts'
import { immediateServices } from './immediate.ts'
import { Indexer } from './indexer.ts'
import { Lane } from './lane.ts'
import { Lookup } from './lookup.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { Ownership } from './ownership.ts'
import type { Asker } from './prepare.ts'
import { Processor } from './processor.ts'
import { ReadBound } from './read-bound.ts'
import { Reader } from './reader.ts'
import { repartition } from './repartition.ts'
import { Settler } from './settler.ts'
import { Topology } from './topology.ts'
import { Waiters } from './waiters.ts'
import { describeWork } from './work-description.ts'
import type { WorkItem } from './work-item.ts'
import { WorkingParts } from './working-parts.ts'

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
  readonly #backlog: Backlog
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
    const doors = {
      database,
      stream: this.#stream,
      topology: this.#topology,
      clock: this.#clock,
      backlog: this.#backlog,
      onAppended: (places: readonly { queue: number; partition: number }[]) => this.#appended(places),
    }
    this.immediate = immediateServices({
      ...doors,
      enqueuer: this.#enqueuer,
      append: (placed, tx) => this.acceptor.append(placed, tx),
      accept: (definition, input, asker, tx) => this.accept(definition, input, { tx }, asker),
    })
    this.acceptor = new Acceptor({
      ...doors,
      onAway: (error) => events.emit('problem', { where: 'accept', error }),
    })
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
    const work = this.#buildWork()
    try {
      await work.start()
      await this.#backlog.start()
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

  async repartition(queue: string, partitions: number): Promise<Repartitioned> {
    const made = await repartition(this.#options.database, queue, partitions)
    await this.#topology.refresh()
    // Nobody owns them yet: every node looks.
    this.#stream.hint([{ queue: made.number, partition: made.firstPartition }])
    this.#work?.wakeAll()
    return made
  }

  async #stop(): Promise<void> {
    await this.#backlog.stop()
    // Handlers that are being finished may still enqueue.
    await this.#work?.stop(this.#options.stopTimeoutMs)
    await this.acceptor.close()
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

  #buildWork(): WorkingParts {
    const { database, definitions, events, name, types, version, url, preparedStatements, maxUnsettled } =
      this.#options
    const runnable = [...definitions.values()].filter((definition) => definition.run !== undefined)
    const processors = new Map(runnable.map((definition) => [definition.id, new Processor(definition)]))
    const queues = [...new Set(runnable.flatMap(queuesOf))].map((name) => this.#topology.numberOf(name))
    const heartbeat = new Heartbeat({
      database,
      url,
      preparedStatements,
      version,
      events,
      node: { bootId: this.bootId, name, types, queues },
    })
    const owned = this.#owned
    const now = (): number => this.#clock.now()
    const lane = new Lane({ database, events, owned, processors, now })
    const dispatcher = new Dispatcher({
      processors,
      lease: heartbeat,
      events,
      lane,
      surroundings: {
        enqueuer: this.#enqueuer,
        describe: (work) =>
          describeWork(work, this.#topology.byNumber(work.partition.queue)?.name ?? '', now()),
        now,
      },
      onRoom: () => reader.wake(),
      onIdle: (partition) => ownership.left(partition),
    })
    const onFenced = (partition: OwnedPartition): void => ownership.lose(partition, 'another node owns it')
    const settler = new Settler({
      database,
      bootId: this.bootId,
      lease: heartbeat,
      events,
      maxUnsettled,
      onSettled: (work) => this.#settled(work, dispatcher, lane, acts),
      onFenced,
      onPartitionsChanged: (gathered) => this.#enqueuer.moveAll(gathered),
      toCallbacks: (ended) => callbackRows(this.#topology, now(), ended),
      onCallbacks: (places) => this.#appended(places),
      onRoom: () => {
        dispatcher.pump()
        reader.wakeForMore()
      },
    })
    const { bootId } = this
    const known = [...processors.keys()]
    const guard = new CrashGuard({ database, bootId, dispatcher, events, definitions: known, onFenced })
    dispatcher.connect(settler, guard)
    const acts: Acts = new Acts({
      database,
      events,
      owned,
      processors,
      definitions,
      dispatcher,
      settler,
      guard,
      now,
      onLaneChange: () => lane.wake(),
      onAppended: (partition) => this.#appended([partition]),
      onEnded: (id) => this.#waiters.ended(id),
    })
    dispatcher.connectActs(acts)
    lane.connect(dispatcher, settler, (rows) => acts.resume(rows))
    const ownership: Ownership = new Ownership({
      database,
      bootId: this.bootId,
      heartbeat,
      dispatcher,
      settler,
      guard,
      acts,
      topology: this.#topology,
      events,
      owned,
      onAcquired: () => {
        reader.wake()
        lane.wake()
      },
      onReleased: (places) => this.#stream.hint(places),
    })
    const reader: Reader = new Reader({
      database,
      stream: this.#stream,
      dispatcher,
      settler,
      bound: new ReadBound({ database, bootId, events, onFenced }),
      events,
      owned,
      onHole: () => holes.wake(),
      fillHoles: (partition) => holes.fill(partition),
    })
    const holes: HoleWatch = new HoleWatch({
      stream: this.#stream,
      settler,
      events,
      owned,
      reader,
      onLate: (partition) => {
        partition.startOver()
        lane.wake()
      },
    })
    const indexer = new Indexer({
      stream: this.#stream,
      settler,
      events,
      owned,
      processors,
      definitions,
      now,
      nameOf: (queue) => this.#topology.byNumber(queue)?.name ?? '',
    })
    const housekeeping = new Housekeeping({ database, stream: this.#stream, owned, events })
    return new WorkingParts({
      database,
      bootId,
      stream: this.#stream,
      owned,
      heartbeat,
      ownership,
      dispatcher,
      settler,
      guard,
      reader,
      holes,
      lane,
      acts,
      indexer,
      housekeeping,
      events,
    })
  }

  #settled(work: WorkItem, dispatcher: Dispatcher, lane: Lane, acts: Acts): void {
    const { outcome } = work
    dispatcher.settled(work)
    acts.settled(work)
    const { gathered } = work.attempt ?? {}
    if (gathered) this.#appended((gathered.moved?.rows ?? gathered.rows).places())
    if (outcome?.kind === 'failed') lane.wake(outcome.retryInMs)
    tellFailure(work, this.#options.events)
    if (
      !this.#waiters.isEmpty &&
      (outcome?.kind === 'succeeded' || outcome?.kind === 'broken' || outcome?.kind === 'cancelled')
    )
      this.#waiters.ended(work.id)
  }
}
