import type { Tx } from '../base/tx.ts'
import { expectTransaction } from './expect-transaction.ts'

/** What we need of the `Prisma.TransactionClient` that an interactive transaction gets. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>
  /** A whole client has it, a transaction does not. */
  readonly $connect?: never
}

/**
 * A {@link Tx} of an interactive transaction of Prisma 7, or of an older one with a driver adapter. Rows have Prisma's types
 * (`bigint`, `Decimal`), and a column of a type that Prisma does not know, `void` for one, has to be cast in the statement:
 * `select pg_notify('a', 'b')::text`.
 *
 * ```ts
 * await prisma.$transaction(async (tx) => {
 *   await tx.employee.create({ data: employee })
 *   await node.enqueue(provision, { employeeId: employee.id }, { tx: fromPrisma(tx) })
 * })
 * ```
 * @throws CoatcheckError `OPTION_INVALID` when it is anything else than a transaction of Prisma
 */
export function fromPrisma(transaction: PrismaTransaction): Tx {
  expectTransaction('Prisma', transaction)
  return {
    async query(text, values = []) {
      try {
        const rows = await transaction.$queryRawUnsafe(text, ...values.map(toPrismaValue))
        return { rows: rows as unknown[] }
      } catch (error) {
        throw toDatabaseError(error)
      }
    },
  }
}

/** Prisma sends a `Date` without its zone, so that another one than UTC in the session would move it by hours. */
function toPrismaValue(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  return Array.isArray(value) ? value.map(toPrismaValue) : value
}

interface DatabaseProblem {
  readonly originalCode: string
  readonly originalMessage: string
  readonly detail?: string
  readonly hint?: string
}

/** Prisma has a code of its own, P2010, for whatever a raw statement met; callers look for the SQLSTATE. */
function toDatabaseError(error: unknown): unknown {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: Partial<DatabaseProblem> } } }
  const { originalCode: code, originalMessage, detail, hint } = meta?.driverAdapterError?.cause ?? {}
  if (code === undefined) return error
  return Object.assign(new Error(originalMessage, { cause: error }), {
    code,
    ...(detail !== undefined && { detail }),
    ...(hint !== undefined && { hint }),
  })
}
