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
  'partition.acquired': 'info',
  'partition.released': 'info',
  'item.failed': 'info',
  'item.broken': 'warn',
  'item.stuck': 'warn',
  'settle.done': undefined,
  problem: 'warn',
}

/** Lines of JSON on stderr, warnings and worse: what a node logs unless told otherwise. */
export function createLog(): Logger {
  return pino(
    { name: 'coatcheck', level: process.env['LOG_LEVEL'] ?? 'warn' },
    pino.destination({ fd: 2, sync: true }),
  )
}

/**
 * Writes events to a log. Fields are those of the events: ids, names and codes, never payloads or error objects.
 * @returns stops it
 */
export function logEvents(events: Events, log: Log): () => void {
  return events.listen((name, data) => {
    const level = levels[name]
    if (level) log[level]({ event: name, ...fieldsOf(name, data) }, name)
  })
}

function fieldsOf<Name extends EventName>(name: Name, data: EventMap[Name]): object {
  if (name !== 'problem') return data
  const { where, error } = data as EventMap['problem']
  // An error object may carry anything, a connection string too: only its code and its sentence are logged.
  const code = isCoatcheckError(error)
    ? error.code
    : ((error as { code?: unknown } | undefined)?.code ?? undefined)
  return { where, code, detail: error instanceof Error ? error.message : String(error) }
}
