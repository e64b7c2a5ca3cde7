import { AsyncLocalStorage } from 'node:async_hooks'
import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import { writeJsonText } from '../base/json.ts'
import type { Definition, RetryPolicy } from '../define/definition.ts'
import { failureRecord, toFailure, type Failure } from '../define/failure.ts'
import type { RequestContext } from '../define/item.ts'
import { isReject, isRetryLater } from '../define/outcome.ts'
import { isReply, reply } from '../define/reply.ts'
import { Attempt, type AttemptSurroundings } from './attempt.ts'
import { takeApart } from './returned.ts'
import type { Outcome, WorkItem } from './work-item.ts'

/** What the handler that runs hands on to what is enqueued through its node. */
const currentContext = new AsyncLocalStorage<RequestContext>()

/** Inside a handler, what it enqueues carries its item's context. */
export function inheritedContext(): RequestContext | undefined {
  return currentContext.getStore()
}

const plainSuccess: Outcome = Object.freeze({ kind: 'succeeded', result: undefined })

const noContext: RequestContext = Object.freeze({})

/**
 * Runs one attempt at an item: its input read and checked, the producer's context restored, the handler called, its end
 * made into an outcome. Calls `onEnd` once; this is where throws end.
 */
export function executeItem(
  work: WorkItem,
  definition: Definition,
  surroundings: AttemptSurroundings,
  onEnd: (work: WorkItem, outcome: Outcome) => void,
): void {
  const before = failedBefore(work, surroundings)
  if (before) return onEnd(work, before)
  const attempt = startAttempt(work, surroundings)
  let ran: unknown
  try {
    const input = readInput(definition, work.entry.i)
    ran =
      input instanceof Promise
        ? input.then((checked: unknown) => callHandler(definition, checked, attempt))
        : callHandler(definition, input, attempt)
  } catch (error) {
    attempt.end()
    onEnd(work, failed(work, definition, error))
    return
  }
  if (!isThenable(ran)) {
    attempt.end()
    onEnd(work, succeeded(work, definition, ran))
    return
  }
  ran.then(
    (result) => {
      attempt.end()
      onEnd(work, succeeded(work, definition, result))
    },
    (error: unknown) => {
      attempt.end()
      onEnd(work, failed(work, definition, error))
    },
  )
}

/** An attempt that was made in a request: its item waits for the next one from its turn on, as if it had been made here. */
function failedBefore({ entry, waiting }: WorkItem, { now }: AttemptSurroundings): Outcome | undefined {
  const { f: failure, w: dueAt = 0 } = entry
  if (!failure) return undefined
  const retryInMs = Math.max(0, dueAt - now())
  if (!waiting) return { kind: 'failed', failure, retryInMs, dueAt }
  return retryInMs > 0 ? { kind: 'failed', failure, retryInMs } : undefined
}

function startAttempt(work: WorkItem, surroundings: AttemptSurroundings): Attempt {
  const attempt = new Attempt(work, surroundings, work.entry.c ?? noContext)
  work.attempt = attempt
  work.startedAt = Math.ceil(performance.now())
  return attempt
}

/**
 * The stored input as the handler takes it: upgraded, then through the schema again, whose transforms are the handler's
 * types. A promise where the schema is asynchronous.
 */
function readInput(definition: Definition, stored: unknown): unknown {
  const checked = definition.input['~standard'].validate(upgradeInput(definition, stored))
  if (checked instanceof Promise) return checked.then((result) => fitting(definition, result))
  return fitting(definition, checked)
}

type Checked = Awaited<ReturnType<Definition['input']['~standard']['validate']>>

function fitting(definition: Definition, checked: Checked): unknown {
  if (!checked.issues) return checked.value
  const told = checked.issues
    .slice(0, 5)
    .map((issue) => issue.message)
    .join('; ')
  throw new CoatcheckError(
    'PAYLOAD_NO_LONGER_FITS',
    `the stored payload does not fit the schema of ${definition.name} (any more): ${told}; give the definition an upgrade`,
  )
}

/**
 * A stored input as the definition has it today.
 * @throws CoatcheckError `PAYLOAD_NO_LONGER_FITS` where its upgrade throws
 */
export function upgradeInput({ upgrade }: Definition, stored: unknown): unknown {
  if (!upgrade) return stored
  try {
    return upgrade(stored)
  } catch (error) {
    throw new CoatcheckError(
      'PAYLOAD_NO_LONGER_FITS',
      `upgrade threw: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** Calls the handler within the context of whoever asked, and holds what it returns against its output schema. */
export function callHandler(definition: Definition, input: unknown, attempt: Attempt): unknown {
  const run = definition.run as NonNullable<Definition['run']>
  // Without a context there is nothing to restore: callbacks of other items never run inside theirs.
  const returned =
    attempt.context === noContext
      ? run(input, attempt)
      : currentContext.run(attempt.handedOn, run, input, attempt)
  return definition.output ? checkOutput(definition, definition.output, returned) : returned
}

/** What a service returns, through its output schema: callers get what the schema promises, or a failure. */
async function checkOutput(
  definition: Definition,
  schema: NonNullable<Definition['output']>,
  returned: unknown,
): Promise<unknown> {
  const given = await returned
  const checked = await schema['~standard'].validate(isReply(given) ? given.output : given)
  if (checked.issues) {
    const told = checked.issues
      .slice(0, 5)
      .map((issue) => issue.message)
      .join('; ')
    throw new CoatcheckError(
      'RESULT_INVALID',
      `what ${definition.name} returned does not fit its output schema: ${told}`,
    )
  }
  return isReply(given) ? reply(checked.value, given) : checked.value
}

function succeeded(work: WorkItem, definition: Definition, returned: unknown): Outcome {
  const late = work.attempt?.abortReason
  // An attempt that was told to stop and returns all the same has done its work; only a lost lease takes it away, later.
  if (late && isCoatcheckError(late, 'TIMEOUT')) return failed(work, definition, late)
  try {
    const { output, head } = takeApart(returned)
    const result = writeResult(definition, output)
    if (head) return { kind: 'succeeded', result, reply: JSON.stringify(head) }
    return result === undefined ? plainSuccess : { kind: 'succeeded', result }
  } catch (error) {
    return failed(work, definition, error)
  }
}

/**
 * A result as it is stored, or undefined where there is none to keep.
 * @throws CoatcheckError `RESULT_INVALID`
 */
export function writeResult(definition: Definition, returned: unknown): string | undefined {
  // Nobody can ask for it where only failures are kept.
  if (returned === undefined || definition.tracking === 'failures') return undefined
  try {
    return writeJsonText(returned, {
      maxBytes: Math.max(definition.maxPayloadBytes, 1_048_576),
      what: `the result of ${definition.name}`,
      // Refusing it would not undo what the handler did.
      anyText: true,
    })
  } catch (error) {
    if (!isCoatcheckError(error)) throw error
    throw new CoatcheckError('RESULT_INVALID', error.message, { cause: error })
  }
}

/** What a throw means: broken now, or again later, until the attempts are used up. */
export function failed(work: WorkItem, definition: Definition, thrown: unknown): Outcome {
  const told = work.attempt?.abortReason
  // A handler that was told to stop throws whatever its signal made of it; the reason says more.
  const failure = toFailure(told ?? thrown)
  return failureOutcome(definition.retry, work.attempts + 1, failure, thrown)
}

/** The outcome of a failed attempt, the `attempt`th. */
export function failureOutcome(
  retry: RetryPolicy,
  attempt: number,
  failure: Failure,
  thrown: unknown,
): Outcome {
  const record = failureRecord(failure)
  if (isReject(thrown) || isPermanent(failure)) return { kind: 'broken', failure: record }
  if (attempt >= retry.maxAttempts) return { kind: 'broken', failure: record }
  return { kind: 'failed', failure: record, retryInMs: delayAfter(retry, attempt, thrown) }
}

/** The delay that a throw asked for, or else that of the policy. */
export function delayAfter(retry: RetryPolicy, attempt: number, thrown: unknown): number {
  return (isRetryLater(thrown) ? thrown.afterMs : undefined) ?? backOff(retry, attempt)
}

function isPermanent(failure: Failure): boolean {
  // A result that cannot be stored will not become storable, and trying again would only repeat what the handler did.
  return failure.code === 'PAYLOAD_NO_LONGER_FITS' || failure.code === 'RESULT_INVALID'
}

/** The delay after the `attempt`th attempt: grows by the factor, capped, and spread so that what failed together does not come back together. */
export function backOff(retry: RetryPolicy, attempt: number): number {
  const listed = retry.delaysMs?.[Math.min(attempt, retry.delaysMs.length) - 1]
  if (listed !== undefined) return spread(listed, retry.jitter)
  // A delay of nothing stays nothing: times a factor beyond all numbers it would be no number.
  if (retry.initialDelayMs === 0) return 0
  const grown = Math.min(retry.initialDelayMs * retry.factor ** (attempt - 1), retry.maxDelayMs)
  return spread(grown, retry.jitter)
}

function spread(delayMs: number, jitter: number): number {
  return Math.round(delayMs * (1 + (Math.random() * 2 - 1) * jitter))
}

function isThenable(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
