import type { Tx } from '../base/tx.ts'
import { expectTransaction } from './expect-transaction.ts'

/** What we need of Kysely's `Transaction` and `ControlledTransaction`. */
export interface KyselyTransaction {
  readonly isTransaction: true
  withoutPlugins(): { executeQuery(query: KyselyQuery): Promise<{ rows: unknown[] }> }
}

/** A statement as `CompiledQuery.raw` of Kysely makes it. */
export interface KyselyQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly query: {
    readonly kind: 'RawNode'
    readonly sqlFragments: readonly string[]
    readonly parameters: readonly never[]
  }
  readonly queryId: { readonly queryId: string }
}

let statements = 0

/**
 * A {@link Tx} of a Kysely transaction on PostgreSQL or PGlite. Its statements pass the plugins by, so that rows keep the
 * column names of the database; they are over when the transaction is.
 *
 * ```ts
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('employee').values(employee).execute()
 *   await node.enqueue(provision, { employeeId: employee.id }, { tx: fromKysely(trx) })
 * })
 * ```
 * @throws CoatcheckError `OPTION_INVALID` when it is anything else than a transaction of Kysely
 */
export function fromKysely(transaction: KyselyTransaction): Tx {
  expectTransaction('Kysely', transaction)
  const plain = transaction.withoutPlugins()
  return {
    async query(text, values = []) {
      const { rows } = await plain.executeQuery({
        sql: text,
        parameters: values,
        query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
        queryId: { queryId: `coatcheck-${++statements}` },
      })
      return { rows }
    },
  }
}
