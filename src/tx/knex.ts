import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Tx } from '../base/tx.ts'
import { expectTransaction } from './expect-transaction.ts'

/** What we need of Knex's `Transaction`, made with `client: 'pg'`. */
export interface KnexTransaction {
  isCompleted(): boolean
  readonly client: {
    readonly driverName?: string
    /** Within a transaction: always its one connection. */
    acquireConnection(): Promise<Tx>
  }
}

/**
 * A {@link Tx} of a Knex transaction. `raw` is not used: it takes each `?` for a parameter, also in strings and operators, and
 * has no way to write some of them. Statements go to the transaction's `pg` client as they are, so Knex's own events, logs and
 * `postProcessResponse` do not see them.
 *
 * ```ts
 * await knex.transaction(async (trx) => {
 *   await trx('employee').insert(employee)
 *   await node.enqueue(provision, { employeeId: employee.id }, { tx: fromKnex(trx) })
 * })
 * ```
 * @throws CoatcheckError `OPTION_INVALID` when it is anything else than a transaction of Knex on its `pg` client; `query` throws
 * `TRANSACTION_OVER` when the transaction has ended
 */
export function fromKnex(transaction: KnexTransaction): Tx {
  expectTransaction('Knex', transaction)
  const { client } = transaction
  if (client.driverName !== 'pg')
    throw new CoatcheckError(
      'OPTION_INVALID',
      `fromKnex takes a transaction of Knex's client "pg", and this one's is ${showValue(client.driverName)}`,
    )
  return {
    async query(text, values = []) {
      const connection = await client.acquireConnection()
      // Only now: once the transaction has ended, somebody else's may run on the connection.
      if (transaction.isCompleted())
        throw new CoatcheckError('TRANSACTION_OVER', 'The Knex transaction has ended; it takes nothing more')
      return connection.query(text, values)
    },
  }
}
