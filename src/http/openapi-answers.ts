import { problemOf, type ProblemDocument } from './problem.ts'

/** What a node asks of its callers, and so what else it may answer. */
export interface Access {
  /** Whether they have to sign in. */
  readonly isSignedIn: boolean
  /** Whether they may send so many requests only. */
  readonly isLimited: boolean
}

export interface Answer {
  readonly description: string
  readonly headers?: Readonly<Record<string, object>>
  readonly content?: object
}

/** A problem as it is answered, with one of those that it may be. */
export function problemAnswer(
  description: string,
  example: ProblemDocument,
  headers?: Answer['headers'],
): Answer {
  const schema = { $ref: '#/components/schemas/Problem' }
  const content = { 'application/problem+json': { schema, example } }
  return { description, ...(headers && { headers }), content }
}

const header = (name: string) => ({ $ref: `#/components/headers/${name}` })
const response = (name: string) => ({ $ref: `#/components/responses/${name}` })
const retryAfter = { 'Retry-After': header('RetryAfter') }
const challenge = { 'WWW-Authenticate': header('WwwAuthenticate') }

/** The problems that more than one operation may answer with. */
const problems = {
  BadRequest: problemAnswer(
    'The body is not JSON, or the Idempotency-Key cannot be used or is missing where the service needs one',
    problemOf('MALFORMED_JSON', 'the body is empty; send JSON, {} at least'),
  ),
  Conflict: problemAnswer(
    'The first request with this Idempotency-Key still runs; or the service itself answers so',
    problemOf('IDEMPOTENCY_KEY_IN_USE', 'the first request with this key still runs; send it again later'),
  ),
  TooLarge: problemAnswer(
    'The body is longer than the service takes',
    problemOf(
      'PAYLOAD_TOO_LARGE',
      'the body is over the limit of 1,048,576 bytes; store it elsewhere and send where it is',
    ),
  ),
  NotJson: problemAnswer(
    'The Content-Type is not JSON in UTF-8, or there is a Content-Encoding',
    problemOf(
      'UNSUPPORTED_MEDIA_TYPE',
      'the body has Content-Type "text/plain"; send it as application/json',
    ),
  ),
  NotFitting: problemAnswer(
    'The input does not fit its schema, and `errors` say where; or the Idempotency-Key stands for another input',
    {
      ...problemOf(
        'PAYLOAD_INVALID',
        'the payload of hire-worker does not fit its schema: /employeeId: expected string, received number',
      ),
      errors: [{ detail: 'expected string, received number', pointer: '#/employeeId' }],
    },
  ),
  NotFound: problemAnswer(
    'There is no such queue item, or it is not yours to see',
    problemOf('ITEM_NOT_FOUND', 'there is no item 0199f3a1-5d2e-8001-8001-5f3c9a2b1000'),
  ),
  Gone: problemAnswer(
    'The queue item is not kept any more',
    problemOf(
      'ITEM_EXPIRED',
      'item 0199f3a1-5d2e-8001-8001-5f3c9a2b1000 is not kept any more: its retention is over',
    ),
  ),
  WaitInvalid: problemAnswer(
    'The `wait` is no duration',
    problemOf('OPTION_INVALID', 'wait is "soon"; write it as 20s or 1m'),
  ),
  Busy: problemAnswer(
    'The node cannot take this just now; send it again after `Retry-After`',
    { ...problemOf('QUEUE_FULL', 'the queue standard holds as many items as it may'), retryAfterMs: 1000 },
    retryAfter,
  ),
  Problem: problemAnswer(
    'What the service failed with, or what else went wrong; `code` says which',
    problemOf('HANDLER_FAILED', 'The handler threw.'),
  ),
}

const signInRequired = problemAnswer(
  'No credentials were sent (`SIGN_IN_REQUIRED`), or they are wrong, revoked or expired (`TOKEN_INVALID`)',
  problemOf(
    'SIGN_IN_REQUIRED',
    'the request has no credentials; send an API key or a token as Authorization: Bearer …',
  ),
  challenge,
)
const forbidden = problemAnswer(
  'The caller is known, and may not do this',
  problemOf('FORBIDDEN', 'payroll may not call hr/hire-worker'),
  challenge,
)
const elsewhere = problemAnswer(
  'The request does not come from this machine: without sign-in, nobody else is answered',
  problemOf('CROSS_SITE_REFUSED', 'Sec-Fetch-Site is cross-site; without auth no other site may ask'),
)
const rateLimited = problemAnswer(
  'The caller has used up its requests for now; `Retry-After` says when there are more',
  {
    ...problemOf('RATE_LIMITED', '600 requests per 60 s are allowed; the next one in 41 s'),
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    retryAfterMs: 41_000,
  },
  retryAfter,
)

const queued: Answer & { readonly links: object } = {
  description:
    'The request is stored and has not ended. This is the ticket: `links.result` leads to the result, `links.self` to the status',
  headers: {
    Location: header('Location'),
    ...retryAfter,
    'Preference-Applied': header('PreferenceApplied'),
    'Idempotency-Replayed': header('IdempotencyReplayed'),
  },
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Ticket' } } },
  links: Object.fromEntries(
    ['getItem', 'getResult', 'cancelItem'].map((operationId) => [
      operationId,
      { operationId, parameters: { id: '$response.body#/id' } },
    ]),
  ),
}

/** The answers that operations refer to. */
export function sharedAnswers({ isSignedIn, isLimited }: Access): Record<string, object> {
  const counted = { Queued: queued, ...problems, Forbidden: isSignedIn ? forbidden : elsewhere }
  return {
    ...countedAnswers({ ...counted, ...(isLimited && { RateLimited: rateLimited }) }, isLimited),
    // whoever is not known is not counted
    ...(isSignedIn && followedAnswers({ SignInRequired: signInRequired })),
  }
}

const trail = {
  'X-Correlation-Id': header('CorrelationId'),
  'X-Request-Id': header('RequestId'),
  traceparent: header('TraceParent'),
}

/** Answers with what the request can be found by. */
export function followedAnswers(answers: Readonly<Record<string, Answer>>): Record<string, Answer> {
  return withAnswerHeaders(answers, trail)
}

/** The same, with what they tell of the caller's limit, where it has one. */
export function countedAnswers(
  answers: Readonly<Record<string, Answer>>,
  isLimited: boolean,
): Record<string, Answer> {
  if (!isLimited) return followedAnswers(answers)
  const limits = { 'RateLimit-Policy': header('RateLimitPolicy'), RateLimit: header('RateLimit') }
  return withAnswerHeaders(answers, { ...limits, ...trail })
}

function withAnswerHeaders(
  answers: Readonly<Record<string, Answer>>,
  headers: Readonly<Record<string, object>>,
): Record<string, Answer> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      { ...answer, headers: { ...answer.headers, ...headers } },
    ]),
  )
}

/**
 * What an operation answers to callers that it does not let through.
 * @param mayForbid whether it is refused to some who have signed in; to others items are not there
 */
export function refusals(
  { isSignedIn, isLimited }: Access,
  mayForbid: boolean,
): Record<string, { $ref: string }> {
  return {
    ...(isSignedIn && { '401': response('SignInRequired') }),
    ...((!isSignedIn || mayForbid) && { '403': response('Forbidden') }),
    ...(isLimited && { '429': response('RateLimited') }),
  }
}

/** What an operation on an item may answer that does not let it get at the item. */
export const itemProblems = {
  '404': response('NotFound'),
  '410': response('Gone'),
  '503': response('Busy'),
} as const

/** What a service may answer before it has run, or in place of that. */
export const serviceProblems = {
  '400': response('BadRequest'),
  '409': response('Conflict'),
  '413': response('TooLarge'),
  '415': response('NotJson'),
  '422': response('NotFitting'),
  '503': response('Busy'),
  default: response('Problem'),
} as const
