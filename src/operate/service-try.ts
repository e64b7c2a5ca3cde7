import { createUuid } from '../base/ids.ts'
import type { Definition, ServiceSettings } from '../define/definition.ts'
import type { Road } from '../engine/face.ts'
import type { CheckUrl } from '../http/callback-request.ts'
import type { Caller } from '../http/caller.ts'
import type { Answer, HttpRequest } from '../http/message.ts'
import { answerProblem, problemOfError, type Report } from '../http/problem.ts'
import type { RequestTrail } from '../http/request-trail.ts'
import { callService } from '../http/service-call.ts'
import { Waits } from '../http/waits.ts'
import type { Operator } from './operator.ts'

export interface TryParts {
  readonly road: Road
  readonly basePath: string
  readonly checkCallback: CheckUrl | undefined
  readonly report: Report
}

/** A service, and what an operator sends to it. */
export interface Trial {
  readonly definition: Definition
  readonly service: ServiceSettings
  readonly input: unknown
  readonly idempotencyKey: string | undefined
  readonly operator: Operator
  /** Of the operator's request. */
  readonly request: HttpRequest
  readonly trail: RequestTrail
}

/** What came of it. */
export interface TrialAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** As JSON has it, or as text. */
  readonly body: unknown
  readonly isCut?: boolean
  readonly durationMs: number
  /** Of the queue item that it became. */
  readonly id?: string
}

/** More of an answer is not read. */
const maxBytes = 262_144

/** Calls a service as callers from outside do, but as an operator and without a connection. */
export async function tryService(parts: TryParts, trial: Trial): Promise<TrialAnswer> {
  const { definition, service, trail } = trial
  const { road, basePath, checkCallback, report } = parts
  const request = requestOf(trial)
  const began = performance.now()
  let answer: Answer
  try {
    answer = await callService(request, definition, service, trail, {
      road,
      waits: new Waits(road).begin(),
      basePath,
      caller: callerOf(trial),
      isStillKnown: async () => true,
      checkCallback,
      report,
    })
  } catch (error) {
    answer = answerProblem(problemOfError(error, report))
  }
  const { text, isCut } = await readText(answer)
  const id = /\/queue-items\/([0-9a-f-]{36})/.exec(answer.headers['location'] ?? '')?.[1]
  return {
    status: answer.status,
    headers: answer.headers,
    body: bodyOf(answer, text, isCut),
    ...(isCut && { isCut }),
    durationMs: Math.round(performance.now() - began),
    ...(id !== undefined && { id }),
  }
}

/** An administrator may try every service; others those that their role is enough for. */
function callerOf({ operator, service }: Trial): Caller {
  const { id, name, role, accessGroup } = operator
  const roles = role === 'administrator' ? [role, ...(service.roles ?? [])] : [role]
  return { kind: 'key', id, name, roles, ...(accessGroup !== undefined && { accessGroup }) }
}

function requestOf({ request, service, input, idempotencyKey, definition }: Trial): HttpRequest {
  const body = Buffer.from(JSON.stringify(input ?? null))
  const headers = new Headers({ 'content-type': 'application/json' })
  if (idempotencyKey !== undefined) headers.set('idempotency-key', JSON.stringify(idempotencyKey))
  // One that needs a key gets one: each try is a request of its own.
  else if (service.idempotency.required) headers.set('idempotency-key', JSON.stringify(createUuid()))
  return {
    method: 'POST',
    path: service.path,
    host: request.host,
    origin: request.origin,
    query: new URLSearchParams(),
    headers,
    get isAborted() {
      return request.isAborted
    },
    signal: request.signal,
    mayHaveBody: true,
    readBody: async () => (body.length > definition.maxPayloadBytes ? undefined : body),
  }
}

async function readText({ body }: Answer): Promise<{ text: string; isCut: boolean }> {
  if (body === null) return { text: '', isCut: false }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = Buffer.from(body)
    return { text: bytes.subarray(0, maxBytes).toString(), isCut: bytes.length > maxBytes }
  }
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of body) {
    pieces.push(Buffer.from(piece))
    size += piece.length
    if (size > maxBytes) break
  }
  return { text: Buffer.concat(pieces).subarray(0, maxBytes).toString(), isCut: size > maxBytes }
}

function bodyOf({ headers }: Answer, text: string, isCut: boolean): unknown {
  if (isCut || !/json/.test(headers['content-type'] ?? '')) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
