import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { Failure } from '../define/failure.ts'
import { linksOf } from './item-document.ts'
import type { ItemSurroundings } from './items.ts'
import { answerPending } from './items.ts'
import { readJsonBody } from './json-body.ts'
import type { Preference } from './preference.ts'
import { appliedHeader, readPreference } from './preference.ts'
import type { Report } from './problem.ts'
import { answerProblem, problemOfRun } from './problem.ts'
import type { RequestTrail } from './request-trail.ts'
import { contextOf } from './request-trail.ts'
import { answerEnded, answerOutput } from './service-answer.ts'

export interface ServiceSurroundings extends ItemSurroundings {
  readonly report: Report
}

interface ServiceCall {
  readonly request: Request
  readonly definition: Definition
  readonly service: ServiceSettings
  readonly input: unknown
  readonly trail: RequestTrail
  readonly door: ServiceSurroundings
}

/** `POST` to a service. How it is answered is decided before anything runs. */
export async function callService(
  request: Request,
  definition: Definition,
  service: ServiceSettings,
  trail: RequestTrail,
  door: ServiceSurroundings,
): Promise<Response> {
  const call = { request, definition, service, trail, door, input: await readJsonBody(request, definition) }
  const { respondAsync, waitMs } = readPreference(request.headers)
  if (service.execution === 'queue') return queue(call, { respondAsync, waitMs })
  if (respondAsync && service.respondAsync) return queue(call, { respondAsync, waitMs })
  return runNow(call)
}

/** Appends; then answers 202, or, within the wait that was asked for, the result. */
async function queue(call: ServiceCall, preference: Preference): Promise<Response> {
  const { definition, door } = call
  const id = await door.road.accept(definition, call.input, {}, contextOf(call.trail, definition))
  const standing = await standingAfter(preference.waitMs ?? 0, id, call)
  const answer = standing && answerEnded(standing)
  // RFC 9110, 8.7: the answer is what a GET of that URL gives, and so the caller has the ticket
  answer?.headers.set('content-location', linksOf(id, door.basePath).result)
  return withHeaders(
    answer ?? answerPending(standing?.item ?? { id }, door, 'ready'),
    appliedHeader(preference),
  )
}

/** The item is durable by now: an error that hid its id from the caller would have the work asked for twice. */
async function standingAfter(waitMs: number, id: string, { request, door }: ServiceCall) {
  if (waitMs === 0) return undefined
  try {
    return await door.waits.standing(id, waitMs, request)
  } catch (error) {
    if (!request.signal.aborted) door.report(error)
    return undefined
  }
}

/** Runs while the caller waits. */
async function runNow(call: ServiceCall): Promise<Response> {
  const { request, definition, input, door } = call
  const context = contextOf(call.trail, definition)
  const outcome = await door.road.runNow(definition, input, context, request.signal)
  if (outcome.kind === 'succeeded') return answerOutput(outcome.output, outcome.reply)
  if (!(await isForQueue(call, outcome.failure)))
    return answerProblem(problemOfRun(outcome.failure, door.report))
  const id = await door.road.acceptFailed(definition, input, outcome.failure, context)
  // it waits for its next attempt; one that has only one gets it here
  const item = await door.road.item(id).catch((error: unknown) => door.report(error))
  return answerPending(item ?? { id }, door, 'scheduled')
}

async function isForQueue(
  { definition, service, input, door }: ServiceCall,
  failure: Failure,
): Promise<boolean> {
  if (!service.queueWhen) return false
  try {
    // the types promise it what the schema makes of the input
    const checked = await definition.input['~standard'].validate(input)
    return !checked.issues && service.queueWhen(failure, checked.value) === true
  } catch (error) {
    door.report(error)
    return false
  }
}

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return response
}
