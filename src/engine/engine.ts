import type { Events } from '../base/events.ts'
import { createUuid, parseItemId, type QueueItemId } from '../base/ids.ts'
import type { Part } from '../base/part.ts'
import type { Definition } from '../define/definition.ts'
import type { Failure } from '../define/failure.ts'
import type { Item, ItemLogEntry, RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readClock } from '../store/topology.ts'
import { PostgresStream } from '../stream/postgres-stream.ts'
import type { Stream } from '../stream/stream.ts'
import { Acceptor, type AcceptOptions } from './accept.ts'
import { DatabaseClock } from './database-clock.ts'
import { Dispatcher } from './dispatcher.ts'
import { Enqueuer } from './enqueuer.ts'
import { currentContext } from './execute.ts'
import type { ImmediateOutcome, Road, Standing } from './face.ts'
import { Heartbeat } from './heartbeat.ts'
import { HoleWatch } from './hole-watch.ts'
import { Housekeeping } from './housekeeping.ts'
import { acceptFailed, runImmediately, type ImmediateParts } from './immediate.ts'
import { Indexer } from './indexer.ts'
import { Lane } from './lane.ts'
import { hasEnded, Lookup } from './lookup.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { Ownership } from './ownership.ts'
import { Processor } from './processor.ts'
import { Reader } from './reader.ts'
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
  readonly #acceptor: Acceptor
  readonly #lookup: Lookup
  readonly #waiters: Waiters
  readonly #enqueuer: Enqueuer
  readonly #immediate: ImmediateParts
  readonly #owned = new Map<string, OwnedPartition>()
  #work: WorkingParts | undefined
  #stopping: Promise<void> | undefined

  constructor(options: EngineOptions) {
    const { database, definitions, events } = options
    this.#options = options
    this.definitions = definitions
    this.#topology = new Topology(database, [...definitions.values()])
    this.#clock = new DatabaseClock(() => readClock(database.driver, database.schema))
    this.#stream = options.stream ?? new PostgresStream(database)
    this.#waiters = new Waiters(database, events)
    this.#lookup = new Lookup(database, this.#topology, definitions)
    this.#enqueuer = new Enqueuer(definitions, this.#topology, this.#clock)
    this.#immediate = {
      database,
      stream: this.#stream,
      topology: this.#topology,
      clock: this.#clock,
      enqueuer: this.#enqueuer,
      onAppended: (places) => this.#appended(places),
    }
    this.#acceptor = new Acceptor({
      database,
      stream: this.#stream,
      topology: this.#topology,
      clock: this.#clock,
      onAppended: (places) => this.#appended(places),
    })
  }

  get database(): OpenDatabase {
    return this.#options.database
  }

  /** Partitions that this node owns at the moment. */
  get ownedPartitions(): number {
    return this.#owned.size
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
    context?: RequestContext,
  ): Promise<QueueItemId> {
    return this.#acceptor.accept(definition, input, options, context ?? inherited())
  }

  async acceptMany(
    definition: Definition,
    inputs: readonly unknown[],
    options: AcceptOptions = {},
    context?: RequestContext,
  ): Promise<QueueItemId[]> {
    return this.#acceptor.acceptMany(definition, inputs, options, context ?? inherited())
  }

  async item(id: string): Promise<Item | undefined> {
    return (await this.#lookup.standing(id))?.item
  }

  itemLog(id: string): Promise<ItemLogEntry[]> {
    return this.#lookup.log(id)
  }

  async standing(
    id: string,
    options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Standing | undefined> {
    const until = performance.now() + (options.waitMs ?? 0)
    for (;;) {
      const found = await this.#lookup.standing(id)
      const leftMs = until - performance.now()
      if (!found || hasEnded(found.item.state) || leftMs <= 0 || options.signal?.aborted) return found
      await this.#waiters.wait(id.toLowerCase(), leftMs, options.signal)
    }
  }

  mayHaveExpired(id: string): boolean {
    const { queue, milliseconds } = parseItemId(id)
    const name = this.#topology.byNumber(queue)?.name
    const ageMs = this.#clock.now() - milliseconds
    return [...this.definitions.values()].some(
      (definition) =>
        definition.queue === name &&
        ageMs > 0 &&
        (definition.tracking === 'failures' || ageMs > definition.retentionMs),
    )
  }

  runNow(
    definition: Definition,
    input: unknown,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<ImmediateOutcome> {
    return runImmediately(this.#immediate, definition, input, context, signal)
  }

  acceptFailed(
    definition: Definition,
    input: unknown,
    failure: Failure,
    context?: RequestContext,
  ): Promise<QueueItemId> {
    return acceptFailed(this.#immediate, definition, input, failure, context ?? inherited())
  }

  async #stop(): Promise<void> {
    // Handlers that are being finished may still enqueue.
    await this.#work?.stop(this.#options.stopTimeoutMs)
    await this.#acceptor.close()
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
    const queues = [...new Set(runnable.map((definition) => this.#topology.queueOf(definition).number))]
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
    const lane = new Lane({ database, topology: this.#topology, events, owned, processors, now })
    const dispatcher = new Dispatcher({
      processors,
      lease: heartbeat,
      events,
      lane,
      surroundings: {
        enqueuer: this.#enqueuer,
        describe: (work) =>
          describeWork(work, this.#topology.byNumber(work.partition.queue)?.name ?? '', now()),
      },
      onRoom: () => reader.wake(),
      onIdle: (partition) => ownership.left(partition),
    })
    const settler = new Settler({
      database,
      bootId: this.bootId,
      lease: heartbeat,
      events,
      maxUnsettled,
      onSettled: (work) => this.#settled(work, dispatcher, lane),
      onFenced: (partition) => ownership.lose(partition, 'another node owns it'),
      onRoom: () => {
        dispatcher.pump()
        reader.wakeForMore()
      },
    })
    dispatcher.connect(settler)
    lane.connect(dispatcher, settler)
    const ownership: Ownership = new Ownership({
      database,
      bootId: this.bootId,
      heartbeat,
      dispatcher,
      settler,
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
      events,
      owned,
      onHole: () => holes.wake(),
    })
    const holes: HoleWatch = new HoleWatch({
      stream: this.#stream,
      settler,
      events,
      owned,
      reader,
      onLate: (partition) => {
        partition.startAfter = -1
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
      stream: this.#stream,
      owned,
      heartbeat,
      ownership,
      dispatcher,
      settler,
      reader,
      holes,
      lane,
      indexer,
      housekeeping,
      events,
    })
  }

  #settled(work: WorkItem, dispatcher: Dispatcher, lane: Lane): void {
    const { outcome } = work
    dispatcher.settled(work)
    if (work.attempt?.gathered) this.#appended(work.attempt.gathered.rows.places())
    if (outcome?.kind === 'failed') {
      lane.wake(outcome.retryInMs)
      this.#options.events.emit('item.failed', {
        id: work.id,
        definition: work.entry.d,
        attempt: work.attempts + 1,
        code: outcome.failure.code,
        message: outcome.failure.message,
        retryInMs: outcome.retryInMs,
      })
    } else if (outcome?.kind === 'broken') {
      this.#options.events.emit('item.broken', {
        id: work.id,
        definition: work.entry.d,
        attempts: work.attempts + 1,
        code: outcome.failure.code,
        message: outcome.failure.message,
      })
    }
    if (
      !this.#waiters.isEmpty &&
      (outcome?.kind === 'succeeded' || outcome?.kind === 'broken' || outcome?.kind === 'cancelled')
    )
      this.#waiters.ended(work.id)
  }
}

/** Inside a handler, what it enqueues carries its item's context. */
function inherited(): RequestContext | undefined {
  return currentContext.getStore()
}
