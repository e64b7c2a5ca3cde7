import { readProperty } from './read-property.ts'

/** Codes that Node, its resolver and client libraries give to connections that were refused, reset or timed out. */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_NONAME',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  'ERR_NETWORK',
  'PROTOCOL_CONNECTION_LOST',
  // PostgreSQL that shuts down, crashed or still starts
  '57P01',
  '57P02',
  '57P03',
])

/** Errors of undici about how it was called or about an answer that did come. */
const undiciOtherCodes = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_INVALID_RETURN_VALUE',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_ABORTED',
  'UND_ERR_ABORT',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_RESPONSE_STATUS_CODE',
  'UND_ERR_RESPONSE',
  'UND_ERR_HEADERS_OVERFLOW',
])

/** Errors looked at in one failure; an endless chain of causes ends here. */
const maxErrors = 100

export interface ConnectionFailure {
  readonly message: string
}

/**
 * Finds the connection failure in an error: its own, that of a cause (as fetch gives it), or, in an AggregateError, one
 * that all its errors are (a host with several addresses). Never throws.
 */
export function connectionFailureIn(error: unknown): ConnectionFailure | undefined {
  try {
    return search(error, new Set())
  } catch {
    return undefined
  }
}

function search(error: unknown, seen: Set<unknown>): ConnectionFailure | undefined {
  if (seen.has(error) || seen.size >= maxErrors) return undefined
  seen.add(error)
  const inner = searchAll(readProperty(error, 'errors'), seen)
  if (isConnectionCode(readProperty(error, 'code')) || isTimeout(error)) {
    const message = readProperty(error, 'message')
    return typeof message === 'string' && message !== '' ? { message } : (inner ?? { message: '' })
  }
  return inner ?? search(readProperty(error, 'cause'), seen)
}

function searchAll(errors: unknown, seen: Set<unknown>): ConnectionFailure | undefined {
  if (!Array.isArray(errors) || errors.length > maxErrors) return undefined
  let first: ConnectionFailure | undefined
  for (const each of errors) {
    const found = search(each, seen)
    if (!found) return undefined
    first ??= found
  }
  return first
}

function isConnectionCode(code: unknown): boolean {
  if (typeof code !== 'string') return false
  if (code.startsWith('UND_ERR_')) return !undiciOtherCodes.has(code)
  // class 08 of SQLSTATE is "connection exception"
  return connectionCodes.has(code) || /^08[0-9A-Z]{3}$/.test(code)
}

/** What `AbortSignal.timeout` aborts a request with. */
function isTimeout(error: unknown): boolean {
  return (
    readProperty(error, 'name') === 'TimeoutError' &&
    Object.prototype.toString.call(error) === '[object DOMException]'
  )
}
