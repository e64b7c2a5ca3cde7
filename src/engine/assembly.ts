import { queuesOf } from '../define/definition.ts'
import type { Stream } from '../stream/stream.ts'
import { Acts } from './acts.ts'
import { callbackRows } from './callback-item.ts'
import { CrashGuard } from './crash-guard.ts'
import type { DatabaseClock } from './database-clock.ts'
import { Dispatcher } from './dispatcher.ts'
import type { EngineOptions } from './engine.ts'
import type { Enqueuer } from './enqueuer.ts'
import { tellFailure } from './failure-events.ts'
import { Heartbeat } from './heartbeat.ts'
import { HoleWatch } from './hole-watch.ts'
import { Housekeeping } from './housekeeping.ts'
import { Indexer } from './indexer.ts'
import { Lane } from './lane.ts'
import { NodeReporter } from './node-reporter.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { Ownership } from './ownership.ts'
import { Processor } from './processor.ts'
import { QueueControls } from './queue-controls.ts'
import type { QueueStatistics } from './queue-statistics.ts'
import { ReadBound } from './read-bound.ts'
import { Reader } from './reader.ts'
import { Settler } from './settler.ts'
import type { Topology } from './topology.ts'
import { Tracer } from './tracer.ts'
import type { Waiters } from './waiters.ts'
import { describeWork } from './work-description.ts'
import type { WorkItem } from './work-item.ts'
import { WorkingParts } from './working-parts.ts'

/** What the engine has whether it runs items or not. */
export interface AssemblyParts {
  readonly options: EngineOptions
  readonly bootId: string
  readonly topology: Topology
  readonly clock: DatabaseClock
  readonly stream: Stream
  readonly waiters: Waiters
  readonly enqueuer: Enqueuer
  readonly owned: Map<string, OwnedPartition>
  readonly statistics: QueueStatistics
  /** Items have gone into the log. */
  readonly onAppended: (places: readonly { readonly queue: number; readonly partition: number }[]) => void
}

/** Puts together the parts that run items. */
export function assembleWork(parts: AssemblyParts): WorkingParts {
  const { options, bootId, topology, clock, stream, waiters, enqueuer, owned, statistics, onAppended } = parts
  const { database, definitions, events, name, types, version, url, preparedStatements, maxUnsettled } =
    options
  const runnable = [...definitions.values()].filter((definition) => definition.run !== undefined)
  const processors = new Map(runnable.map((definition) => [definition.id, new Processor(definition)]))
  const queues = [...new Set(runnable.flatMap(queuesOf))].map((name) => topology.numberOf(name))
  const heartbeat = new Heartbeat({
    database,
    url,
    preparedStatements,
    version,
    events,
    node: { bootId, name, types, queues },
  })
  const now = (): number => clock.now()
  const lane = new Lane({ database, events, owned, processors, now })
  const dispatcher = new Dispatcher({
    processors,
    lease: heartbeat,
    events,
    lane,
    surroundings: {
      enqueuer: enqueuer,
      describe: (work) => describeWork(work, topology.byNumber(work.partition.queue)?.name ?? '', now()),
      now,
    },
    onRoom: () => reader.wake(),
    onIdle: (partition) => ownership.left(partition),
  })
  const onFenced = (partition: OwnedPartition): void => ownership.lose(partition, 'another node owns it')
  const settler = new Settler({
    database,
    bootId,
    lease: heartbeat,
    events,
    maxUnsettled,
    onSettled: (work) => settled(work),
    onFenced,
    onPartitionsChanged: (gathered) => enqueuer.moveAll(gathered),
    toCallbacks: (ended) => callbackRows(topology, now(), ended),
    onCallbacks: (places) => {
      for (const { queue, count } of places) statistics.accepted(queue, count)
      onAppended(places)
    },
    onRoom: () => {
      dispatcher.pump()
      reader.wakeForMore()
    },
  })
  const known = [...processors.values()].map(({ definition }) => definition)
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
    onAppended: (partition) => onAppended([partition]),
    onEnded: (id) => waiters.ended(id),
    onCancelled: (queue) => statistics.cancelled(queue, 1),
  })
  dispatcher.connectActs(acts)
  const controls = new QueueControls({
    owned,
    dispatcher,
    events,
    tracer: new Tracer(database, events, now),
    onGoOn: () => {
      lane.wake()
      reader.wake()
    },
  })
  lane.connect(dispatcher, settler, (rows) => acts.resume(rows))
  const ownership: Ownership = new Ownership({
    database,
    bootId,
    heartbeat,
    dispatcher,
    settler,
    guard,
    acts,
    topology,
    controls,
    events,
    owned,
    onAcquired: () => {
      reader.wake()
      lane.wake()
      holes.wake()
    },
    onReleased: (places) => stream.hint(places, true),
  })
  const reader: Reader = new Reader({
    database,
    stream,
    dispatcher,
    settler,
    bound: new ReadBound({ database, bootId, events, onFenced }),
    events,
    owned,
    onHole: () => holes.wake(),
    fillHoles: (partition) => holes.fill(partition),
  })
  const holes: HoleWatch = new HoleWatch({
    database,
    stream,
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
    stream,
    settler,
    events,
    owned,
    processors,
    definitions,
    now,
    nameOf: (queue) => topology.byNumber(queue)?.name ?? '',
  })
  const housekeeping = new Housekeeping({ database, stream, owned, events })
  const settled = (work: WorkItem): void => {
    const { outcome } = work
    dispatcher.settled(work)
    acts.settled(work)
    statistics.settled(work)
    work.partition.control.tracer?.settled(work)
    work.partition.lastEndedAt = work.endedAt
    const { gathered } = work.attempt ?? {}
    for (const [queue, count] of gathered?.counts ?? []) statistics.accepted(queue, count)
    if (gathered) onAppended((gathered.moved?.rows ?? gathered.rows).places())
    if (outcome?.kind === 'failed') lane.wake(outcome.retryInMs)
    tellFailure(work, events)
    if (
      !waiters.isEmpty &&
      (outcome?.kind === 'succeeded' || outcome?.kind === 'broken' || outcome?.kind === 'cancelled')
    )
      waiters.ended(work.id)
  }
  const reporter = new NodeReporter({
    database,
    bootId,
    events,
    owned,
    processors,
    now,
    describe: options.describe,
  })
  return new WorkingParts({
    database,
    bootId,
    stream,
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
    reporter,
    events,
  })
}
