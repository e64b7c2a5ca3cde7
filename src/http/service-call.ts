import { CoatcheckError, isCoatcheckError } from '../base/errors.ts'
import type { ReadJson } from '../base/json.ts'
import { showValue } from '../base/shown-value.ts'
import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { Failure } from '../define/failure.ts'
import type { IdempotentCall, RecordedAnswer } from '../engine/face.ts'
import type { Asker } from '../engine/prepare.ts'
import type { CheckUrl } from './callback-request.ts'
import { readCallback } from './callback-request.ts'
import { checkMayCall, scopeOf } from './caller.ts'
import { callOf, readIdempotencyKey } from './idempotency-key.ts'
import { linksOf } from './item-document.ts'
import type { ItemSurroundings } from './items.ts'
import { answerPending } from './items.ts'
import { readJsonBody } from './json-body.ts'
import type { Answer, HttpRequest } from './message.ts'
import { answerNobody, withHeaders } from './message.ts'
import type { Preference } from './preference.ts'
import { appliedHeader, readPreference } from './preference.ts'
import type { ProblemDocument, Report } from './problem.ts'
import { answerProblem, problemOfRun } from './problem.ts'
import type { RequestTrail } from './request-trail.ts'
import { contextOf } from './request-trail.ts'
import { answerEnded, answerOutput } from './service-answer.ts'

export interface ServiceSurroundings extends ItemSurroundings {
  readonly report: Report
  /** Undefined where the node has no callbacks. */
  readonly checkCallback: CheckUrl | undefined
}

interface ServiceCall {
  readonly request: HttpRequest
  readonly definition: Definition
  readonly service: ServiceSettings
  readonly input: ReadJson
  /** Where it came with an Idempotency-Key. */
  readonly once: IdempotentCall | undefined
  readonly trail: RequestTrail
  /** Who asks, and where the end is to be posted. */
  readonly asker: Asker
  /** What has been done of what was preferred, should it be queued. */
  readonly preference: Preference
  readonly door: ServiceSurroundings
}

/** `POST` to a service. How it is answered is decided before anything runs. */
export async function callService(
  request: HttpRequest,
  definition: Definition,
  service: ServiceSettings,
  trail: RequestTrail,
  door: ServiceSurroundings,
): Promise<Answer> {
  checkMayCall(door.caller, definition)
  const key = readIdempotencyKey(request.headers, definition, service)
  const once = key === undefined ? undefined : callOf(key, scopeOf(door.caller), definition, service)
  const input = await readJsonBody(request, definition)
  const preference = readPreference(request.headers)
  const callback = readCallback(request.headers, preference, definition, service, door.checkCallback)
  const context = contextOf(trail, definition, door.caller)
  const asker = callback === undefined ? context : { ...context, callback }
  const call = { request, definition, service, trail, door, input, once, asker, preference }
  if (service.execution === 'queue') return queue(call)
  if (preference.respondAsync && service.respondAsync) return queue(call)
  return runNow(call)
}

/** Appends; then answers 202, or, within the wait that was asked for, the result. */
async function queue(call: ServiceCall): Promise<Answer> {
  const { door, preference, once } = call
  // what most calls are
  if (!once && !preference.waitMs) {
    const id = await door.road.accept(call.definition, call.input, {}, call.asker)
    return withHeaders(answerPending({ id }, door, 'ready'), appliedHeader(preference))
  }
  const accepted = once ? await acceptOnce(call, once) : await acceptNew(call)
  if ('answer' in accepted) return repeat(accepted.answer, call)
  const { id, isRepeat } = accepted
  const standing = preference.waitMs ? await standingAfter(preference.waitMs, id, call) : undefined
  const answer = standing && answerEnded(standing)
  // RFC 9110, 8.7: the answer is what a GET of that URL gives, and so the caller has the ticket
  if (answer) answer.headers['content-location'] = linksOf(id, door.basePath).result
  return withHeaders(answer ?? answerPending(standing?.item ?? { id }, door, 'ready'), {
    // whose request made the item had its callback
    ...appliedHeader(isRepeat ? { ...preference, callback: undefined } : preference),
    ...(isRepeat && repeated),
  })
}

async function acceptNew({ definition, door, input, asker }: ServiceCall) {
  return { id: await door.road.accept(definition, input, {}, asker), isRepeat: false }
}

/** @returns the item, whoever made it; or another answer, where the call ran at once when it first came */
async function acceptOnce({ definition, service, door, input, asker }: ServiceCall, once: IdempotentCall) {
  const { road } = door
  if (service.execution === 'immediate') {
    const { answer, isRepeat } = await road.immediate.accept(definition, input, asker, once)
    return answer.kind === 'queued' ? { id: answer.id, isRepeat } : { answer }
  }
  // Its item is its record: who comes again meets it under the key.
  const unique = { uniqueKey: `http ${once.scope} ${once.key}`, uniqueFor: once.keptMs }
  try {
    const { id, outcome } = await road.receive(definition, input, unique, asker)
    return { id, isRepeat: outcome === 'repeated' }
  } catch (error) {
    if (!isCoatcheckError(error, 'UNIQUE_KEY_REUSED')) throw error
    throw new CoatcheckError(
      'IDEMPOTENCY_KEY_REUSED',
      `the Idempotency-Key ${showValue(once.key)} stands for another payload; make a new key for a new request`,
      { cause: error },
    )
  }
}

const repeated = { 'idempotency-replayed': 'true' }

/** The first answer once more. */
function repeat(answer: RecordedAnswer, { door }: ServiceCall): Answer {
  if (answer.kind === 'succeeded') return withHeaders(answerOutput(answer.output, answer.reply), repeated)
  if (answer.kind === 'problem') return answerProblem(answer.problem as ProblemDocument, repeated)
  return withHeaders(answerPending({ id: answer.id }, door, 'scheduled'), repeated)
}

/** The item is durable by now: an error that hid its id from the caller would have the work asked for twice. */
async function standingAfter(waitMs: number, id: string, { request, door }: ServiceCall) {
  try {
    return await door.waits.standing(id, waitMs, request)
  } catch (error) {
    if (!request.isAborted) door.report(error)
    return undefined
  }
}

/** Runs while the caller waits. */
async function runNow(call: ServiceCall): Promise<Answer> {
  const { request, definition, input, door } = call
  const context = contextOf(call.trail, definition, door.caller)
  const { immediate } = door.road
  const outcome = await immediate.run(definition, input, context, request.signal, call.once)
  if (outcome.kind === 'succeeded') return answerOutput(outcome.output, outcome.reply)
  if (outcome.kind === 'repeated') return repeat(outcome.answer, call)
  if (outcome.kind === 'behind') return queue(call)
  if (outcome.kind === 'abandoned') return answerNobody()
  const { failure, claim } = outcome
  if (!(await isForQueue(call, failure))) {
    const problem = problemOfRun(failure, definition.id, door.report)
    await claim?.answer(problem)
    return answerProblem(problem)
  }
  const id = await immediate.acceptFailed(definition, input, failure, call.asker, claim)
  // it waits for its next attempt; one that has only one gets it here
  const item = await door.road.item(id).catch((error: unknown) => door.report(error))
  const { callback } = call.preference
  return withHeaders(answerPending(item ?? { id }, door, 'scheduled'), appliedHeader({ callback }))
}

async function isForQueue(
  { definition, service, input, door }: ServiceCall,
  failure: Failure,
): Promise<boolean> {
  if (!service.queueWhen) return false
  try {
    // the types promise it what the schema makes of the input
    const checked = await definition.input['~standard'].validate(input.value)
    return !checked.issues && service.queueWhen(failure, checked.value) === true
  } catch (error) {
    door.report(error, undefined, definition.id)
    return false
  }
}
