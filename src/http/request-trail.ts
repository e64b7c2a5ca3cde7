import { createUuid } from '../base/ids.ts'
import type { Definition } from '../define/definition.ts'
import type { RequestContext } from '../define/item.ts'
import type { Caller } from './caller.ts'
import type { RequestHeaders } from './message.ts'

/** What follows a request across systems. */
export interface RequestTrail {
  readonly correlationId: string
  readonly requestId: string | undefined
  readonly traceparent: string | undefined
}

/** Reads the ids of a request. One that cannot be an id is passed over: it would go into logs and other systems. */
export function readTrail(headers: RequestHeaders): RequestTrail {
  const requestId = readId(headers.get('x-request-id'))
  return {
    correlationId: readId(headers.get('x-correlation-id')) ?? requestId ?? createUuid(),
    requestId,
    traceparent: readTraceparent(headers.get('traceparent')),
  }
}

function readId(value: string | null): string | undefined {
  return value !== null && /^[\x21-\x7e]{1,200}$/.test(value) ? value : undefined
}

/** W3C Trace Context, 3.2: a later version may have more fields; `ff` and ids of zeros are invalid. */
function readTraceparent(value: string | null): string | undefined {
  const [, version, trace, span, more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(value ?? '') ?? []
  if (value === null || version === undefined || trace === undefined || span === undefined) return undefined
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  return /^0+$/.test(trace) || /^0+$/.test(span) || value.length > 200 ? undefined : value
}

/** The context that an item of this request keeps. Who called is told by its credentials alone. */
export function contextOf(trail: RequestTrail, definition: Definition, caller: Caller): RequestContext {
  const { application, service } = definition
  const followed = followedBy(trail, application)
  const accessGroup = caller.accessGroup ?? service?.accessGroup
  if (caller.kind === 'local' && accessGroup === undefined) return followed
  return {
    ...(caller.kind !== 'local' && { caller: caller.id }),
    ...((caller.kind === 'key' || caller.kind === 'token') && { operator: caller.name }),
    ...(accessGroup !== undefined && { accessGroup }),
    ...followed,
  }
}

/** No copy of its own: each request has one. */
function followedBy(
  { correlationId, requestId, traceparent }: RequestTrail,
  application: string,
): RequestContext {
  if (requestId === undefined)
    return traceparent === undefined
      ? { application, correlationId }
      : { application, correlationId, traceparent }
  return traceparent === undefined
    ? { application, correlationId, requestId }
    : { application, correlationId, requestId, traceparent }
}

/** Says to the caller what its request can be found by. */
export function answerTrail(headers: Record<string, string>, trail: RequestTrail): void {
  headers['x-correlation-id'] = trail.correlationId
  if (trail.requestId !== undefined) headers['x-request-id'] = trail.requestId
  if (trail.traceparent !== undefined) headers['traceparent'] = trail.traceparent
}
