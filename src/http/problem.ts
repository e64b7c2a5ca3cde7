import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { CoatcheckError, ErrorCode } from '../base/errors.ts'
import { errorCatalogue, isCoatcheckError } from '../base/errors.ts'
import type { Failure, FailureRecord } from '../define/failure.ts'
import { failureRecord } from '../define/failure.ts'
import type { Answer } from './message.ts'

/** Problem details of RFC 9457. `code` is what programs tell them by. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[]
  /** When trying again makes sense, in milliseconds; `Retry-After` says it in whole seconds. */
  readonly retryAfterMs?: number
  /** Finds the error in the log of the node; callers are not shown what happened inside. */
  readonly reference?: string
}

/** Failures of handlers that say nothing of the inside by their code. All others are answered as `HANDLER_FAILED`. */
const shownFailures = new Set<string>([
  'CONNECTION_FAILED',
  'TIMEOUT',
  'REJECTED',
  'PAYLOAD_NO_LONGER_FITS',
  'RESULT_INVALID',
  'AT_COMMIT_FAILED',
  'LEASE_LOST',
] satisfies ErrorCode[])

/** Errors of the server's side whose sentence is about the request alone. */
const shownErrors = new Set<string>([
  'AUTH_REQUIRED',
  'BACKLOG_FULL',
  'ISSUER_UNREACHABLE',
  'NODE_STOPPED',
  'OUTCOME_UNKNOWN',
  'QUEUE_FULL',
  'REQUESTS_FULL',
  'STREAMS_FULL',
  'UNIQUE_KEY_BUSY',
] satisfies ErrorCode[])

/** A problem of ours: its title and status stand in the catalogue. */
export function problemOf(code: ErrorCode, detail: string): ProblemDocument {
  const { title, status } = errorCatalogue[code]
  return { type: `urn:coatcheck:error:${code}`, title, status, detail, code }
}

/** What an item or an immediate run failed with, as callers may see it. */
export function problemOfFailure(failure: FailureRecord): ProblemDocument {
  if (failure.problem) return problemOfService(failure)
  const code = (shownFailures.has(failure.code) ? failure.code : 'HANDLER_FAILED') as ErrorCode
  return problemOf(code, `${errorCatalogue[code].title}.`)
}

/**
 * What an immediate run failed with. What callers are not shown is nowhere else: no item keeps it.
 * @param definition its id
 * @param report told of it, with the reference that they get
 */
export function problemOfRun(failure: Failure, definition: string, report: Report): ProblemDocument {
  const record = failureRecord(failure)
  if (record.problem) return problemOfService(record)
  const reference = randomUUID()
  report(failure.cause ?? failure, reference, definition)
  return { ...problemOfFailure(record), reference }
}

/** What a service threw as `Problem`; its code is none of ours, so the type says no more than the status. */
function problemOfService({ code, status = 500, message, problem }: FailureRecord): ProblemDocument {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    code,
    ...(problem?.errors && { errors: problem.errors }),
  }
}

/**
 * Told an error that did not go to the caller.
 * @param reference the one that did, where one did
 * @param definition the id of the one whose code threw it, where a definition's did
 */
export type Report = (error: unknown, reference?: string, definition?: string) => void

/**
 * Whatever was thrown on the way to an answer.
 * @param report told what callers are not shown, with the reference that they get
 */
export function problemOfError(error: unknown, report: Report): ProblemDocument {
  if (isCoatcheckError(error) && (error.status < 500 || shownErrors.has(error.code)))
    return { ...problemOf(error.code, error.message), ...errorsOf(error), ...retryOf(error) }
  const reference = randomUUID()
  report(error, reference)
  // that the database is away is for callers to know, where it is and why is not
  const code = isCoatcheckError(error) && error.status === 503 ? error.code : 'INTERNAL'
  return {
    ...problemOf(code, `${errorCatalogue[code].title}; the log of the node has it under the reference.`),
    reference,
    ...(isCoatcheckError(error) && retryOf(error)),
  }
}

function retryOf({ retryAfterMs }: CoatcheckError): Pick<ProblemDocument, 'retryAfterMs'> {
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}

function errorsOf({ errors }: CoatcheckError): Pick<ProblemDocument, 'errors'> {
  if (!errors) return {}
  return { errors: errors.map(({ detail, pointer }) => ({ detail, pointer: asFragment(pointer) })) }
}

/** A JSON Pointer in its URI form (RFC 6901, 6). */
function asFragment(pointer: string): string {
  return pointer.startsWith('#')
    ? pointer
    : `#${pointer.toWellFormed().split('/').map(encodeURIComponent).join('/')}`
}

/** Answers with a problem. */
export function answerProblem(
  problem: ProblemDocument,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(isPassing(problem) && {
        'retry-after': String(Math.ceil((problem.retryAfterMs ?? 1_000) / 1_000)),
      }),
      ...headers,
    },
    body: JSON.stringify(problem),
  }
}

/** Trying again soon may help. Whether it does with a service's own problem, only the service knows. */
function isPassing({ type, status, code, retryAfterMs }: ProblemDocument): boolean {
  return retryAfterMs !== undefined || (status === 503 && type !== 'about:blank' && code !== 'AUTH_REQUIRED')
}
