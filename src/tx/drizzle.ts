import type { Tx } from '../base/tx.ts'
import { expectTransaction } from './expect-transaction.ts'

/** What we need of Drizzle's `PgTransaction`. */
export interface DrizzleTransaction {
  execute(query: DrizzleQuery | string): PromiseLike<unknown>
  rollback(): never
}

/** A statement as Drizzle's `sql` makes it, as far as `execute` looks at it. */
export interface DrizzleQuery {
  getSQL(): unknown
}

/**
 * A {@link Tx} of a Drizzle transaction on PostgreSQL (node-postgres or another driver whose transactions are interactive) or
 * PGlite. Times and dates come back as text, as all raw statements of Drizzle have it.
 *
 * ```ts
 * await db.transaction(async (tx) => {
 *   await tx.insert(employees).values(employee)
 *   await node.enqueue(provision, { employeeId: employee.id }, { tx: fromDrizzle(tx) })
 * })
 * ```
 * @throws CoatcheckError `OPTION_INVALID` when it is anything else than a transaction of Drizzle
 */
export function fromDrizzle(transaction: DrizzleTransaction): Tx {
  expectTransaction('Drizzle', transaction)
  return {
    async query(text, values = []) {
      // the dialect asks a statement for its text and parameters; ours has them ready
      const sequel = { toQuery: () => ({ sql: text, params: values }) }
      try {
        return { rows: toRows(await transaction.execute({ getSQL: () => sequel })) }
      } catch (error) {
        throw toDatabaseError(error)
      }
    },
  }
}

/** `pg` and PGlite answer with an object that has rows, postgres.js with the rows themselves. */
function toRows(result: unknown): unknown[] {
  return Array.isArray(result) ? result : (result as { rows: unknown[] }).rows
}

/** Drizzle hides the database's error, with the SQLSTATE in its `code`, as the cause of its own. */
function toDatabaseError(error: unknown): unknown {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? cause : error
}
