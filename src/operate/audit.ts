import type { OpenDatabase } from '../store/database.ts'
import type { Runner } from '../store/driver.ts'
import { insertAudit } from '../store/operator-audit.ts'
import type { Operator } from './operator.ts'
import type { AuditEntry } from './route.ts'

/** Who did something, and by what. */
export interface AuditAuthor {
  readonly operator: Pick<Operator, 'id' | 'name'>
  /** `session`, `key` or `token` of a request; `cli` of the command line, `code` of a program that runs the node. */
  readonly via: string
  /** Finds the request in other logs. */
  readonly requestId?: string | undefined
}

/**
 * Writes a line into the audit.
 * @param runner durable with this transaction; when it resolves unless given
 */
export type WriteAudit = (entry: AuditEntry, author: AuditAuthor, runner?: Runner) => Promise<void>

/** What an act had before it and after it may be large; so much of it is kept. */
const maxCharacters = 1_000_000

/** The audit of a database. */
export function auditOf({ driver, schema }: OpenDatabase): WriteAudit {
  return (entry, { operator, via, requestId }, runner = driver) =>
    insertAudit(runner, schema, {
      operator: storable(operator.id),
      name: storable(operator.name),
      act: entry.act,
      subject: entry.subject,
      subjectId: storable(entry.subjectId),
      before: written(entry.before),
      after: written(entry.after),
      reason: entry.reason === undefined ? null : storable(entry.reason),
      via,
      requestId: requestId ?? null,
    })
}

function written(value: unknown): string | null {
  if (value === undefined) return null
  const text = JSON.stringify(value)
  if (text.length <= maxCharacters) return text
  return JSON.stringify({ leftOut: `${text.length} characters, more than the audit keeps` })
}

/** The database takes neither NUL nor half a pair of surrogates. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u{fffd}')
}
