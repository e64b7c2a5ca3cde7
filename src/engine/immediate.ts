import { setTimeout } from 'node:timers/promises'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { parseItemId, type QueueItemId } from '../base/ids.ts'
import type { Tx } from '../base/tx.ts'
import { queuesOf, type Definition } from '../define/definition.ts'
import { failureRecord, toFailure, type Failure } from '../define/failure.ts'
import type { RequestContext } from '../define/item.ts'
import type { OpenDatabase } from '../store/database.ts'
import { isAmbiguous, type Runner, type Transaction } from '../store/driver.ts'
import { trackItems } from '../store/generations.ts'
import { hasWaiting, putWaiting } from '../store/waiting-items.ts'
import type { Stream } from '../stream/stream.ts'
import type { Placed } from './accept.ts'
import { Attempt } from './attempt.ts'
import type { Backlog } from './backlog.ts'
import { RunningCall } from './call-claim.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Enqueuer } from './enqueuer.ts'
import { failedEntry, type Entry } from './entry.ts'
import { callHandler, delayAfter, writeResult } from './execute.ts'
import type {
  CallClaim,
  IdempotentCall,
  ImmediateOutcome,
  ImmediateServices,
  RecordedAnswer,
} from './face.ts'
import type { Gathered } from './gathered.ts'
import type { ImmediatePlace, ImmediatePlaces } from './immediate-places.ts'
import { OwnedPartition } from './owned-partition.ts'
import { sendPlaced } from './place-again.ts'
import { prepare, type Asker, type Prepared } from './prepare.ts'
import { chooseQueue } from './queue-choice.ts'
import type { QueuedCalls } from './queued-calls.ts'
import { outcomeUnknown } from './resend.ts'
import { takeApart } from './returned.ts'
import type { Topology } from './topology.ts'
import { runWrite } from './user-write.ts'
import { describeWork } from './work-description.ts'
import { WorkItem } from './work-item.ts'

/** How long an answer waits until the item holds its key, and how often it is looked at. */
const holdMs = 1_000
const holdPollMs = 10

/** Deadline of each of its calls: where one is not answered, the rollback waits as long again. */
const commitCallMs = 2_000

export interface ImmediateParts {
  readonly database: OpenDatabase
  readonly stream: Stream
  readonly topology: Topology
  readonly clock: DatabaseClock
  readonly enqueuer: Enqueuer
  readonly backlog: Backlog
  readonly queued: QueuedCalls
  readonly places: ImmediatePlaces
  readonly onAppended: (places: readonly { readonly queue: number; readonly partition: number }[]) => void
  /** Accepts what has been prepared. */
  readonly append: (placed: Placed, tx?: Tx) => Promise<QueueItemId>
  /** Accepts within a transaction. */
  readonly accept: (definition: Definition, input: unknown, asker: Asker, tx: Tx) => Promise<QueueItemId>
}

export function immediateServices(parts: ImmediateParts): ImmediateServices {
  return {
    run: (...given) => runImmediately(parts, ...given),
    acceptFailed: (...given) => acceptFailed(parts, ...given),
    accept: (...given) => acceptCall(parts, ...given),
  }
}

/** No partition: what runs in a request is owned by nobody. */
const nowhere = new OwnedPartition(
  { queue: 0, partition: 0, generation: 0, epoch: 0, done: [], indexedTo: 0 },
  { keyed: false, startable: false },
)

async function runImmediately(
  parts: ImmediateParts,
  definition: Definition,
  input: unknown,
  context: RequestContext,
  signal: AbortSignal,
  call?: IdempotentCall,
): Promise<ImmediateOutcome> {
  const prepared = await prepare(definition, input, {}, context)
  if (await isBehind(parts, prepared)) return { kind: 'behind' }
  const place = parts.places.take(definition)
  try {
    return await runPrepared(parts, prepared, place, context, signal, call)
  } finally {
    place.leave()
  }
}

/** Runs a service in the request. Its `atCommit` writes and what it enqueues commit together before it is answered. */
async function runPrepared(
  parts: ImmediateParts,
  prepared: Prepared,
  place: ImmediatePlace,
  context: RequestContext,
  signal: AbortSignal,
  call: IdempotentCall | undefined,
): Promise<ImmediateOutcome> {
  const { definition } = prepared
  const entry = JSON.parse(prepared.text) as Entry
  const lost = new AbortController()
  const claim = call && (await RunningCall.take(parts.database, call, entry.i, (error) => lost.abort(error)))
  if (claim && !(claim instanceof RunningCall)) return { kind: 'repeated', answer: claim }
  const work = new WorkItem({
    partition: nowhere,
    processor: undefined,
    entry,
    origin: { flush: '0'.repeat(36), at: parts.clock.now(), itemSize: prepared.text.length },
    index: 0,
    position: 0,
    end: 0,
    waiting: undefined,
  })
  const attempt = new Attempt(
    work,
    {
      enqueuer: parts.enqueuer,
      describe: () => describeWork(work, definition.queue, parts.clock.now()),
      now: () => parts.clock.now(),
    },
    context,
  )
  work.attempt = attempt
  const stop = limitAttempt(attempt, definition, signal, lost.signal)
  let isCommitting = false
  try {
    const checked = await definition.input['~standard'].validate(entry.i)
    if (checked.issues)
      throw new CoatcheckError('PAYLOAD_INVALID', `the payload of ${definition.name} does not fit its schema`)
    attempt.signal.throwIfAborted()
    // A handler that does not heed its signal must not keep the caller waiting: what it comes to is thrown away.
    const ran = Promise.resolve(callHandler(definition, checked.value, attempt))
    place.handling(ran)
    const returned = await Promise.race([ran, whenStopped(attempt)])
    if (attempt.abortReason) throw attempt.abortReason
    attempt.end()
    // Before anything commits, by the same rules as a queued result: the answer must not fail after its effects are there.
    const { output, head: reply } = takeApart(returned)
    const text = writeResult(definition, output)
    const succeeded = {
      kind: 'succeeded',
      output: text === undefined ? undefined : (JSON.parse(text) as unknown),
      reply,
    } as const
    isCommitting = true
    await commitEffects(parts, attempt, claim && ((runner) => claim.record(runner, succeeded)))
    return succeeded
  } catch (error) {
    // To run it again might double what was committed. With a key its record says what became of it, or the end of its lease.
    if (isCommitting && isAmbiguous(error)) throw effectsUnknown(definition, error)
    if (!signal.aborted) {
      const failure = toFailure(attempt.abortReason ?? error)
      return { kind: 'failed', failure, ...(claim && { claim }) }
    }
    await claim?.release()
    return { kind: 'abandoned' }
  } finally {
    claim?.end()
    attempt.end()
    stop()
  }
}

/** Whether an item of its key waits: where order matters, what runs now would overtake it. */
async function isBehind(parts: ImmediateParts, prepared: Prepared): Promise<boolean> {
  const { definition, key } = prepared
  if (key === null || !isOrdered(definition)) return false
  // First what is on its way into the lane: looked at the other way round it could be missed in both.
  if (await parts.queued.isWaiting(definition.orderScope, key)) return true
  return isInLane(parts, prepared, key)
}

async function isInLane(
  { database, topology }: ImmediateParts,
  { definition }: Prepared,
  key: string,
): Promise<boolean> {
  await topology.load()
  const queues = queuesOf(definition).map((name) => topology.queueNamed(name, definition).number)
  return hasWaiting(database.driver, database.schema, queues, definition.orderScope, key)
}

function whenStopped(attempt: Attempt): Promise<never> {
  return new Promise((_, reject) => {
    attempt.signal.addEventListener('abort', () => reject(attempt.abortReason as CoatcheckError), {
      once: true,
    })
  })
}

function effectsUnknown({ name }: Definition, cause: unknown): CoatcheckError {
  return new CoatcheckError(
    'OUTCOME_UNKNOWN',
    `the database did not say whether it took what ${name} has done; it may have. Sent again with the same Idempotency-Key it does not happen twice`,
    { cause, retryAfterMs: 1_000 },
  )
}

function limitAttempt(
  attempt: Attempt,
  definition: Definition,
  signal: AbortSignal,
  lost: AbortSignal,
): () => void {
  const onTimeout = (): void =>
    attempt.cancel(
      new CoatcheckError('TIMEOUT', `${definition.name} did not end within ${definition.timeoutMs} ms`),
    )
  const onGone = (): void => attempt.cancel(new CoatcheckError('TIMEOUT', 'the caller has gone away'))
  const onLost = (): void => attempt.cancel(lost.reason as CoatcheckError)
  const timer = globalThis.setTimeout(onTimeout, Math.min(definition.timeoutMs, 2 ** 31 - 1))
  // A signal that was aborted before, while the claim was taken, does not tell of it again.
  if (lost.aborted) onLost()
  else if (signal.aborted) onGone()
  signal.addEventListener('abort', onGone, { once: true })
  lost.addEventListener('abort', onLost, { once: true })
  return () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onGone)
  }
}

async function commitEffects(
  parts: ImmediateParts,
  attempt: Attempt,
  record: ((runner: Runner) => Promise<void>) | undefined,
): Promise<void> {
  const { gathered, writes } = attempt
  if (!gathered && !writes && !record) return
  const { driver, schema } = parts.database
  await driver.transaction(async (transaction) => {
    // First: where another one has taken the call over, nothing of this one happens.
    await record?.(transaction)
    for (const write of writes ?? []) await runWrite(write, transaction)
    if (gathered && !gathered.rows.isEmpty) await appendGathered(parts, transaction, gathered)
    if (gathered && gathered.delayed.length > 0)
      await putWaiting(transaction, schema, `[${gathered.delayed.join(',')}]`)
  })
  if (gathered) parts.onAppended((gathered.moved?.rows ?? gathered.rows).places())
}

/** The handler knows the ids: where the partitions have changed the items keep them. */
async function appendGathered(parts: ImmediateParts, tx: Transaction, gathered: Gathered): Promise<void> {
  const { topology, enqueuer, stream, database } = parts
  await sendPlaced(
    topology,
    tx,
    () => stream.append((gathered.moved?.rows ?? gathered.rows).rows(), { tx }),
    (view) => enqueuer.move(gathered, view),
  )
  if (gathered.moved) await trackItems(tx, database.schema, [...gathered.moved.tracked.values()])
}

function isOrdered({ key, order }: Definition): boolean {
  return key !== undefined && order === 'strict'
}

/**
 * Stores a request whose attempt failed, with its error and counted: in the log, where it takes its place in the order of its
 * key as any other item. Its owner puts it into the lane, from where it goes on.
 */
async function acceptFailed(
  parts: ImmediateParts,
  definition: Definition,
  input: unknown,
  failure: Failure,
  asker: Asker | undefined,
  claim: CallClaim | undefined,
): Promise<QueueItemId> {
  const prepared = await prepare(definition, input, {}, asker)
  const id = await storeFailed(parts, prepared, failure, claim).catch(async (error: unknown) => {
    // Nothing of it is there: who sends it again with its key must not wait for the lease to end.
    if (!isCoatcheckError(error, 'OUTCOME_UNKNOWN')) await claim?.release().catch(() => {})
    throw error
  })
  await untilItHolds(parts, prepared, id)
  return id
}

async function storeFailed(
  parts: ImmediateParts,
  prepared: Prepared,
  failure: Failure,
  claim: CallClaim | undefined,
): Promise<QueueItemId> {
  await parts.topology.load()
  const queue = chooseQueue(parts.topology, prepared)
  parts.backlog.check(queue)
  const dueAt = Math.ceil(parts.clock.now() + delayAfter(prepared.definition.retry, 1, failure.cause))
  const text = failedEntry(prepared.text, failureRecord(failure), dueAt)
  return appendFailed(parts, { queue, prepared: { ...prepared, text } }, claim)
}

async function appendFailed(
  parts: ImmediateParts,
  placed: Placed,
  claim: CallClaim | undefined,
): Promise<QueueItemId> {
  if (!(claim instanceof RunningCall)) return parts.append(placed)
  const id = await commitCall(parts, async (transaction) => {
    const appended = await parts.append(placed, transaction)
    await claim.record(transaction, { kind: 'queued', id: appended })
    return appended
  })
  parts.onAppended([parseItemId(id)])
  return id
}

/**
 * Who has been told that it is queued must not overtake it with the next call. This node remembers it. For all others its owner puts it
 * into the lane within milliseconds; where nobody does, the answer does not wait for that.
 */
async function untilItHolds(parts: ImmediateParts, prepared: Prepared, id: string): Promise<void> {
  const { definition, key } = prepared
  if (key === null || !isOrdered(definition)) return
  parts.queued.note(definition.orderScope, key, id)
  const until = performance.now() + holdMs
  while (performance.now() < until) {
    if (await isInLane(parts, prepared, key).catch(() => true)) return
    await setTimeout(holdPollMs)
  }
}

/** Commits the answer of a call with what it has done, in time for whoever waits. */
async function commitCall<T>(
  { database }: ImmediateParts,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await database.driver.transaction(work, { timeoutMs: commitCallMs })
  } catch (error) {
    throw isAmbiguous(error) ? outcomeUnknown(error) : error
  }
}

/** Accepts a request that is to run later, and records that with it. */
async function acceptCall(
  parts: ImmediateParts,
  definition: Definition,
  input: unknown,
  asker: Asker,
  call: IdempotentCall,
): Promise<{ answer: RecordedAnswer; isRepeat: boolean }> {
  const claim = await RunningCall.take(parts.database, call, input, () => {})
  if (!(claim instanceof RunningCall)) return { answer: claim, isRepeat: true }
  try {
    const answer = await commitCall(parts, async (transaction) => {
      const queued = {
        kind: 'queued',
        id: await parts.accept(definition, input, asker, transaction),
      } as const
      await claim.record(transaction, queued)
      return queued
    })
    parts.onAppended([parseItemId(answer.id)])
    return { answer, isRepeat: false }
  } catch (error) {
    if (!isCoatcheckError(error, 'OUTCOME_UNKNOWN')) await claim.release().catch(() => {})
    throw error
  } finally {
    claim.end()
  }
}
