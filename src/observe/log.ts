import { pino, type Logger } from 'pino'
import { isCoatcheckError } from '../base/errors.ts'
import type { EventMap, EventName, Events } from '../base/events.ts'

/** A logger as far as we need it; a pino logger is one. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const levels: Record<EventName, 'info' | 'warn' | 'error' | undefined> = {
  'node.started': 'info',
  'node.stopped': 'info',
  'node.lease-lost': 'error',
  'node.lease-regained': 'warn',
  'node.gone': 'warn',
  'database.away': 'error',
  'database.back': 'warn',
  'partition.acquired': 'info',
  'partition.released': 'info',
  'partition.drained': 'info',
  'partition.mode': 'warn',
  'queue.state': 'info',
  'item.failed': 'info',
  'item.broken': 'warn',
  'key.blocked': 'warn',
  'key.opened': 'info',
  'item.crashed-node': 'error',
  'item.stuck': 'warn',
  'act.decided': 'info',
  'alert.raised': 'warn',
  'alert.cleared': 'info',
  'settle.done': undefined,
  problem: 'warn',
}

/** What LOG_LEVEL may say, from all to nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** What LOG_LEVEL says; `warn` where it is not set, or to nothing. */
export function logLevel(): string {
  return process.env['LOG_LEVEL'] || 'warn'
}

/** Lines of JSON on stderr, of LOG_LEVEL and worse: what a node logs unless told otherwise. */
export function createLog(): Logger {
  return pino({ name: 'coatcheck', level: logLevel() }, pino.destination({ fd: 2, sync: true }))
}

/** Between two lines that say that the database has not answered in time. */
const timeoutsEveryMs = 30_000

/** What stands in place of a sentence that may say what a definition marks as secret. */
const hidden = '•••'

/**
 * Writes events to a log. That the database is away is told by `database.away`: what fails because of it is not told again.
 * Fields are those of the events: ids, names and codes, never payloads, keys or error objects.
 * @param hasSecrets of a definition's id: whether its payloads have secret places; what a handler said of such an item is not written
 * @returns stops it
 */
export function logEvents(
  events: Events,
  log: Log,
  hasSecrets: (definition: string) => boolean = () => false,
): () => void {
  let isAway = false
  let toldOfTimeoutAt = -Infinity
  return events.listen((name, data) => {
    if (name === 'database.away') isAway = true
    if (name === 'database.back') isAway = false
    const level = levels[name]
    if (!level) return
    if (name === 'problem') {
      const { error } = data as EventMap['problem']
      // A connection that was lost is had again by itself; where the database is away, that is told once.
      if (isCoatcheckError(error, 'DATABASE_UNREACHABLE')) return
      if (isCoatcheckError(error, 'DATABASE_TIMEOUT')) {
        const now = performance.now()
        if (isAway || now - toldOfTimeoutAt < timeoutsEveryMs) return
        toldOfTimeoutAt = now
      }
    }
    log[level]({ event: name, ...fieldsOf(data, hasSecrets) }, name)
  })
}

function fieldsOf(data: object, hasSecrets: (definition: string) => boolean): object {
  // A partition key may name a person.
  const { key: _key, ...allowed } = data as { readonly key?: unknown }
  const isHidden = 'definition' in allowed && hasSecrets(allowed.definition as string)
  if (!('error' in allowed))
    return isHidden && 'message' in allowed ? { ...allowed, message: hidden } : allowed
  const { error, ...fields } = allowed as { readonly error: unknown }
  // An error object may carry anything, a connection string too: only its code and its sentence are logged.
  const code = isCoatcheckError(error)
    ? error.code
    : ((error as { code?: unknown } | undefined)?.code ?? undefined)
  const detail = error instanceof Error ? error.message : String(error)
  return { ...fields, code, detail: isHidden ? hidden : detail }
}
