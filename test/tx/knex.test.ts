import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import knex from 'knex'
import { fromKnex } from '../../src/tx/tx.ts'
import { testDatabase } from '../databases.ts'
import { openTxDatabase } from './database.ts'
import { txSuite } from './tx.suite.ts'

if (testDatabase().kind === 'postgres') {
  const database = await openTxDatabase()
  if ('url' in database) suites(database, database.url)
} else {
  test('Knex', { skip: 'Knex has no client for PGlite' })
}

function suites(database: Awaited<ReturnType<typeof openTxDatabase>>, connection: string): void {
  const db = knex({
    client: 'pg',
    connection,
    // what applications do with it must not change our rows
    postProcessResponse: () => 'processed',
  })

  describe('Knex', () => {
    after(() => database.query('truncate employee'))

    test('a savepoint is taken', async () => {
      await db.transaction(async (trx) => {
        await fromKnex(trx).query('insert into employee (id) values (1)')
        const inner = await trx.transaction()
        await fromKnex(inner).query('insert into employee (id) values (2)')
        await inner.rollback()
        await assert.rejects(fromKnex(inner).query('select 1'), { code: 'TRANSACTION_OVER' })
      })
      assert.deepEqual(await database.query('select id from employee'), [{ id: 1 }])
    })

    test('a whole database is refused', () => {
      // @ts-expect-error not a transaction
      assert.throws(() => fromKnex(db), {
        code: 'OPTION_INVALID',
        message:
          'fromKnex takes a Knex transaction, and this is a whole Knex database; give it the one that knex.transaction(async (trx) => …) passes on',
      })
    })

    test('a transaction of another client than pg is refused', async () => {
      const other = knex({ client: 'cockroachdb', connection })
      try {
        await other.transaction(async (trx) => {
          assert.throws(() => fromKnex(trx), {
            code: 'OPTION_INVALID',
            message: 'fromKnex takes a transaction of Knex\'s client "pg", and this one\'s is "cockroachdb"',
          })
        })
      } finally {
        await other.destroy()
      }
    })
  })

  txSuite({
    name: 'Knex',
    wrapper: 'fromKnex',
    database,
    subject: {
      transaction: (work) => db.transaction((trx) => work(fromKnex(trx), trx)),
      close: () => db.destroy(),
    },
  })
}
