import { CoatcheckError, type ErrorCode } from '../base/errors.ts'

/** What an error of `pg` means for the call, and whether its connection can be used again. */
export interface TranslatedError {
  readonly error: unknown
  readonly broken: boolean
}

const systemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENOENT',
  'EACCES',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
])
// The sentences of pg for a socket that went away have no code.
const lostConnection =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired)/

/**
 * A full disk, no connection left, a disk that fails: it is no fault of the statement, which the server has undone and which may
 * be sent again.
 */
const isOutOfRoom = /^(53100|53300|58030)$/

/**
 * Makes an error of the catalogue of one that says "no database", and leaves the others (constraint violations, syntax
 * errors) as they are.
 * @param ambiguous whether the statement, once sent, may have taken effect all the same
 */
export function translateError(error: unknown, ambiguous: boolean): TranslatedError {
  if (!(error instanceof Error)) return { error, broken: true }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (isServerError(error)) {
    const broken = error.severity === 'FATAL' || error.severity === 'PANIC'
    if (/^(57P0[1235]|08...)$/.test(code)) return { error: unreachable(error, ambiguous), broken: true }
    if (isOutOfRoom.test(code)) return { error: unreachable(error, false), broken }
    if (code === '25P03')
      return { error: timedOut('The transaction was idle for too long', false, error), broken: true }
    // statement_timeout, or somebody cancelled it: the server has undone the statement
    if (code === '57014') return { error: timedOut('The statement was cancelled', false, error), broken }
    // a plan that the server dropped or refuses would fail on this connection for ever
    return { error, broken: broken || isStalePlan(error) }
  }
  if (
    systemCodes.has(code) ||
    code.startsWith('ERR_SSL') ||
    code.startsWith('ERR_TLS') ||
    lostConnection.test(error.message)
  )
    return { error: unreachable(error, ambiguous), broken: true }
  return { error, broken: true }
}

/** The error of a connection that could not be had. */
export function connectError(error: unknown): CoatcheckError {
  if (error instanceof Error && error.message === 'timeout exceeded when trying to connect')
    return timedOut('All connections of the pool were busy for too long', false, error)
  return unreachable(error, false)
}

/** Whether the server says that a prepared statement no longer holds (a table changed, or somebody deallocated it). */
export function isStalePlan(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  if (error.code === '26000') return true
  return error.code === '0A000' && 'routine' in error && error.routine === 'RevalidateCachedQuery'
}

/** `DATABASE_TIMEOUT` with what ran out of time in front. */
export function timedOut(what: string, ambiguous: boolean, cause?: unknown): CoatcheckError {
  return databaseError('DATABASE_TIMEOUT', `${what}.${outcome(ambiguous)}`, ambiguous, cause)
}

function unreachable(cause: unknown, ambiguous: boolean): CoatcheckError {
  return databaseError(
    'DATABASE_UNREACHABLE',
    `The database cannot be reached: ${reason(cause)}.${outcome(ambiguous)}`,
    ambiguous,
    cause,
  )
}

function databaseError(code: ErrorCode, message: string, ambiguous: boolean, cause: unknown): CoatcheckError {
  return Object.assign(new CoatcheckError(code, message, { cause }), { ambiguous })
}

function outcome(ambiguous: boolean): string {
  return ambiguous ? ' Whether the statement took effect is not known.' : ''
}

function reason(cause: unknown): string {
  // Happy Eyeballs rejects with an AggregateError whose own message is empty
  if (cause instanceof AggregateError && cause.errors.length) return cause.errors.map(reason).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}

function isServerError(error: Error): error is Error & { severity: string } {
  return 'severity' in error && typeof error.severity === 'string'
}
