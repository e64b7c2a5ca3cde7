import { CoatcheckError } from '../base/errors.ts'
import type { QueueItemId } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import { failureRecord, toFailure, type Failure } from '../define/failure.ts'
import type { RequestContext } from '../define/item.ts'
import { isReply } from '../define/reply.ts'
import type { OpenDatabase } from '../store/database.ts'
import { putWaiting } from '../store/waiting-items.ts'
import type { Stream } from '../stream/stream.ts'
import { delayedRow, prepare } from './accept.ts'
import { Attempt } from './attempt.ts'
import type { DatabaseClock } from './database-clock.ts'
import type { Enqueuer } from './enqueuer.ts'
import type { Entry } from './entry.ts'
import { backOff, callHandler, writeResult } from './execute.ts'
import type { ImmediateOutcome } from './face.ts'
import { OwnedPartition } from './owned-partition.ts'
import type { Topology } from './topology.ts'
import { runWrite } from './user-write.ts'
import { describeWork } from './work-description.ts'
import { WorkItem } from './work-item.ts'

export interface ImmediateParts {
  readonly database: OpenDatabase
  readonly stream: Stream
  readonly topology: Topology
  readonly clock: DatabaseClock
  readonly enqueuer: Enqueuer
  readonly onAppended: (places: readonly { readonly queue: number; readonly partition: number }[]) => void
}

/** No partition: what runs in a request is owned by nobody. */
const nowhere = new OwnedPartition(
  { queue: 0, partition: 0, generation: 0, epoch: 0, done: [], indexedTo: 0 },
  { keyed: false, startable: false },
)

/** Runs a service in the request. Its `atCommit` writes and what it enqueues commit together before it is answered. */
export async function runImmediately(
  parts: ImmediateParts,
  definition: Definition,
  input: unknown,
  context: RequestContext,
  signal: AbortSignal,
): Promise<ImmediateOutcome> {
  const prepared = await prepare(definition, input, {}, context)
  const entry = JSON.parse(prepared.text) as Entry
  const work = new WorkItem({
    partition: nowhere,
    processor: undefined,
    entry,
    position: 0,
    end: 0,
    size: prepared.text.length,
    flush: '0'.repeat(36),
    index: 0,
    enqueuedAt: parts.clock.now(),
    attempts: 0,
    waiting: undefined,
  })
  const attempt = new Attempt(
    work,
    { enqueuer: parts.enqueuer, describe: () => describeWork(work, definition.queue, parts.clock.now()) },
    context,
  )
  work.attempt = attempt
  const stop = limitAttempt(attempt, definition, signal)
  try {
    const checked = await definition.input['~standard'].validate(entry.i)
    if (checked.issues)
      throw new CoatcheckError('PAYLOAD_INVALID', `the payload of ${definition.name} does not fit its schema`)
    // A handler that does not heed its signal must not keep the caller waiting: what it comes to is thrown away.
    const returned = await Promise.race([
      callHandler(definition, checked.value, attempt),
      whenStopped(attempt),
    ])
    if (attempt.abortReason) throw attempt.abortReason
    attempt.end()
    // Before anything commits, by the same rules as a queued result: the answer must not fail after its effects are there.
    const [output, reply] = isReply(returned)
      ? [returned.output, { status: returned.status, headers: returned.headers }]
      : [returned, undefined]
    const text = writeResult(definition, output)
    await commitEffects(parts, attempt)
    return {
      kind: 'succeeded',
      output: text === undefined ? undefined : (JSON.parse(text) as unknown),
      reply,
    }
  } catch (error) {
    return { kind: 'failed', failure: toFailure(attempt.abortReason ?? error) }
  } finally {
    attempt.end()
    stop()
  }
}

function whenStopped(attempt: Attempt): Promise<never> {
  return new Promise((_, reject) => {
    attempt.signal.addEventListener('abort', () => reject(attempt.abortReason as CoatcheckError), {
      once: true,
    })
  })
}

function limitAttempt(attempt: Attempt, definition: Definition, signal: AbortSignal): () => void {
  const onTimeout = (): void =>
    attempt.cancel(
      new CoatcheckError('TIMEOUT', `${definition.name} did not end within ${definition.timeoutMs} ms`),
    )
  const onGone = (): void => attempt.cancel(new CoatcheckError('TIMEOUT', 'the caller has gone away'))
  const timer = setTimeout(onTimeout, Math.min(definition.timeoutMs, 2 ** 31 - 1))
  signal.addEventListener('abort', onGone, { once: true })
  return () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onGone)
  }
}

async function commitEffects(parts: ImmediateParts, attempt: Attempt): Promise<void> {
  const { gathered, writes } = attempt
  if (!gathered && !writes) return
  const { driver, schema } = parts.database
  await driver.transaction(async (transaction) => {
    for (const write of writes ?? []) await runWrite(write, transaction)
    if (gathered && !gathered.rows.isEmpty)
      await parts.stream.append(gathered.rows.rows(), { tx: transaction })
    if (gathered && gathered.delayed.length > 0)
      await putWaiting(transaction, schema, `[${gathered.delayed.join(',')}]`)
  })
  if (gathered) parts.onAppended(gathered.rows.places())
}

/** Stores a request whose attempt failed, with its error and counted; it goes on from the lane. */
export async function acceptFailed(
  parts: ImmediateParts,
  definition: Definition,
  input: unknown,
  failure: Failure,
  context: RequestContext | undefined,
): Promise<QueueItemId> {
  const prepared = await prepare(definition, input, {}, context)
  await parts.topology.load()
  const due = { delay_ms: Math.max(1, backOff(definition.retry, 1)) }
  const { item, id } = delayedRow(parts.topology, { ...prepared, due }, parts.clock.now())
  const row = {
    ...(JSON.parse(item) as Record<string, unknown>),
    attempts: 1,
    failure: JSON.stringify(failureRecord(failure)),
  }
  await putWaiting(parts.database.driver, parts.database.schema, JSON.stringify([row]))
  return id
}
