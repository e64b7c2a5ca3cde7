/**
 * The catalogue of errors: each has a code, an HTTP status and a sentence. `docs/reference/errors.md` lists them, and a
 * test holds the two against each other.
 */
export const errorCatalogue = {
  // Configuration, at start
  CONFIG_INVALID: { status: 500, title: 'The configuration has problems' },
  DATABASE_UNREACHABLE: { status: 503, title: 'The database cannot be reached' },
  DATABASE_TIMEOUT: { status: 503, title: 'The database did not answer in time' },
  DATABASE_CLOSED: { status: 503, title: 'The database has been closed' },
  DATABASE_LOCKED: { status: 500, title: 'Another process uses the embedded database' },
  DATABASE_UNSUITABLE: { status: 500, title: 'The database cannot be used as it is set up' },
  EMBEDDED_MISSING: { status: 500, title: 'The package for the embedded database is not installed' },
  EMBEDDED_REFUSED: { status: 500, title: 'The embedded database is refused in production' },
  WOULD_WAIT_FOR_ITSELF: { status: 500, title: 'A call inside a transaction would wait for itself' },
  TRANSACTION_OVER: { status: 500, title: 'The transaction is over; it takes nothing more' },
  SCHEMA_MISSING: { status: 500, title: 'The database schema is not there or not up to date' },
  SCHEMA_NEWER: { status: 500, title: 'The database schema is newer than this release' },
  MIGRATION_CHANGED: { status: 500, title: 'An applied migration differs from the file of this release' },
  NODE_STOPPED: { status: 503, title: 'The node has been stopped' },
  // Accepting work
  UNKNOWN_PROCESSOR: { status: 404, title: 'No such queue processor or service' },
  UNKNOWN_QUEUE: { status: 404, title: 'No such queue' },
  PARTITIONS_USED_UP: { status: 409, title: 'The partition numbers of the queue are used up' },
  PAYLOAD_INVALID: { status: 422, title: 'The payload does not fit its schema' },
  PAYLOAD_NOT_JSON: { status: 422, title: 'The payload cannot be written as JSON' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The payload is over the limit' },
  PAYLOAD_TOO_DEEP: { status: 422, title: 'The payload is nested too deeply' },
  KEY_INVALID: { status: 422, title: 'The partition key cannot be used' },
  OPTION_INVALID: { status: 422, title: 'An option has a value that cannot be used' },
  REQUEST_PROCESSOR_FAILED: { status: 500, title: 'The request processor could not choose a queue' },
  OUTCOME_UNKNOWN: { status: 503, title: 'It is not known whether it was accepted' },
  UNIQUE_KEY_BUSY: { status: 503, title: 'An open transaction holds the unique key' },
  UNIQUE_KEY_REUSED: { status: 422, title: 'The unique key stands for another payload' },
  BACKLOG_FULL: { status: 503, title: 'Too much is waiting to be accepted' },
  QUEUE_FULL: { status: 503, title: 'The queue holds as many waiting items as it may' },
  // Running work
  HANDLER_FAILED: { status: 500, title: 'The handler threw' },
  REJECTED: { status: 422, title: 'The handler rejected the item' },
  TIMEOUT: { status: 504, title: 'The attempt ran into its timeout' },
  CONNECTION_FAILED: { status: 502, title: 'The other system could not be reached' },
  PAYLOAD_NO_LONGER_FITS: { status: 422, title: 'The stored payload no longer fits the schema' },
  QUEUE_STOPPED: { status: 503, title: 'The queue has been stopped; the item runs again when it is started' },
  RESULT_INVALID: { status: 500, title: 'The result cannot be stored' },
  OUTCOME_TOO_LARGE: { status: 500, title: 'The attempt leaves more than one settle takes' },
  AT_COMMIT_FAILED: { status: 500, title: 'The writes of atCommit failed' },
  CRASHES_NODE: { status: 500, title: 'The node died each time it ran the item' },
  HANDLER_OVER: { status: 500, title: 'The attempt is over; its context takes nothing more' },
  LEASE_LOST: { status: 503, title: 'The node lost its lease; another one runs the item' },
  // Retrieving
  ITEM_NOT_FOUND: { status: 404, title: 'No such queue item' },
  ITEM_ID_INVALID: { status: 404, title: 'Not a queue item id' },
  ITEM_EXPIRED: { status: 410, title: 'The retention of the item is over' },
  ITEM_BROKEN: { status: 500, title: 'The item is broken' },
  ITEM_CANCELLED: { status: 409, title: 'The item was cancelled' },
  RESULT_PENDING: { status: 202, title: 'The item has not ended yet' },
  // Acts on items
  ACT_REFUSED: { status: 409, title: 'The act makes no sense in the state of the item' },
  KEY_CHANGED: { status: 422, title: 'The edited input has another partition key' },
  INPUT_CHANGED: { status: 409, title: 'The input has been changed since it was read' },
  CANCEL_REQUESTED: { status: 409, title: 'The item is being cancelled; its handler is to stop' },
  // Calls to other systems
  OUTBOUND_REFUSED: { status: 422, title: 'The URL is not one that may be called' },
  CALLBACK_NOT_OFFERED: { status: 422, title: 'The service takes no callbacks' },
  CALLBACK_FAILED: { status: 502, title: 'The receiver did not take the callback' },
  // HTTP
  IDEMPOTENCY_KEY_REQUIRED: { status: 400, title: 'The service needs an Idempotency-Key' },
  IDEMPOTENCY_KEY_INVALID: { status: 400, title: 'The Idempotency-Key cannot be used' },
  IDEMPOTENCY_KEY_IN_USE: { status: 409, title: 'The first request with the Idempotency-Key still runs' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The Idempotency-Key stands for another payload' },
  REQUESTS_FULL: { status: 503, title: 'As many requests are open as may be' },
  STREAMS_FULL: { status: 503, title: 'The node has as many event streams open as it may' },
  REQUEST_MALFORMED: { status: 400, title: 'The request is not HTTP as the node reads it' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request did not come in time' },
  EXPECTATION_FAILED: { status: 417, title: 'The node does not do what the request expects' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are over the limit' },
  NOT_IMPLEMENTED: { status: 501, title: 'The node does not know how to read that' },
  MALFORMED_JSON: { status: 400, title: 'The body is not JSON' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be JSON' },
  NOT_FOUND: { status: 404, title: 'Nothing is here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  HOST_REFUSED: { status: 403, title: 'The Host header is refused' },
  CROSS_SITE_REFUSED: { status: 403, title: 'A cross-site request is refused' },
  SIGN_IN_REQUIRED: { status: 401, title: 'The request has no credentials' },
  TOKEN_INVALID: { status: 401, title: 'The API key or token is not accepted' },
  FORBIDDEN: { status: 403, title: 'The caller may not do this' },
  RATE_LIMITED: { status: 429, title: 'The caller has used up its requests for now' },
  ISSUER_UNREACHABLE: { status: 503, title: 'The issuer of the token cannot be reached' },
  API_KEY_NOT_FOUND: { status: 404, title: 'No such API key' },
  REQUEST_INVALID: { status: 422, title: 'The request does not fit its description' },
  SIGN_IN_REFUSED: { status: 401, title: 'The sign-in is refused' },
  USER_EXISTS: { status: 409, title: 'There is a user of this name' },
  USER_NOT_FOUND: { status: 404, title: 'No such user' },
  SESSION_NOT_FOUND: { status: 404, title: 'No such session' },
  AUTH_REQUIRED: { status: 503, title: 'Services answer only on loopback until auth is set' },
  INTERNAL: { status: 500, title: 'Something went wrong inside' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof errorCatalogue

const brand = Symbol.for('coatcheck.error')

export interface ErrorOptions {
  readonly cause?: unknown
  /** Where in the input the problem is, as RFC 9457 extension `errors`. */
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[]
  /** When trying again makes sense. */
  readonly retryAfterMs?: number
  /** Ids of the items that were accepted before it. */
  readonly accepted?: readonly string[]
}

/** An error of this package. `message` names the offending value and the way out; `code` is from the catalogue. */
export class CoatcheckError extends Error {
  override readonly name: string = 'CoatcheckError'
  readonly code: ErrorCode
  /** The HTTP status it is answered with. */
  readonly status: number
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[]
  /** Milliseconds after which trying again makes sense; over HTTP it is `Retry-After`. */
  readonly retryAfterMs?: number
  /** Where many items were handed over at once and only the first were accepted: their ids, in order. */
  readonly accepted?: readonly string[]

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = errorCatalogue[code].status
    if (options.errors) this.errors = options.errors
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
    if (options.accepted) this.accepted = options.accepted
    Object.defineProperty(this, brand, { value: 'error' })
  }
}

/**
 * Whether a value is an error of this package, also when another copy of the package made it.
 * @param code only an error of this code
 */
export function isCoatcheckError(value: unknown, code?: ErrorCode): value is CoatcheckError {
  return brandOf(value) === 'error' && (code === undefined || (value as CoatcheckError).code === code)
}

/** Which class of ours made the value, by a brand that holds across copies of the package. Never throws. */
export function brandOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    const mark: unknown = (value as Record<symbol, unknown>)[brand]
    return typeof mark === 'string' ? mark : undefined
  } catch {
    // a proxy that is revoked, or whose trap throws
    return undefined
  }
}

/** Marks an object with a brand that {@link brandOf} reads. */
export function markBrand(value: object, mark: string): void {
  Object.defineProperty(value, brand, { value: mark })
}
