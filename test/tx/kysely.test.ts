import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { CamelCasePlugin, Kysely, PGliteDialect, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { fromKysely } from '../../src/tx/tx.ts'
import { openTxDatabase } from './database.ts'
import { txSuite } from './tx.suite.ts'

const database = await openTxDatabase()
const open = () =>
  new Kysely<{ employee: { id: number; full_name: string | null } }>({
    dialect:
      'url' in database
        ? new PostgresDialect({ pool: new Pool({ connectionString: database.url }) })
        : new PGliteDialect({ pglite: database.pglite }),
  })

describe('Kysely', () => {
  const db = open()
  // destroy() would close the PGlite that the next ones use
  after(() => ('url' in database ? db.destroy() : undefined))

  test('its plugins leave our columns alone', async () => {
    await db
      .withPlugin(new CamelCasePlugin())
      .transaction()
      .execute(async (trx) => {
        const { rows } = await fromKysely(trx).query('select $1::int as ended_at', [1])
        assert.deepEqual(rows, [{ ended_at: 1 }])
      })
  })

  test('a controlled transaction and its savepoints are taken', async () => {
    const trx = await db.startTransaction().execute()
    await fromKysely(trx).query('insert into employee (id) values (1)')
    const inner = await trx.savepoint('inner').execute()
    await fromKysely(inner).query('insert into employee (id) values (2)')
    await inner.rollbackToSavepoint('inner').execute()
    await trx.commit().execute()
    assert.deepEqual(await database.query('select id from employee'), [{ id: 1 }])
    await assert.rejects(fromKysely(trx).query('select 1'), /already committed/)
  })

  test('a whole database is refused', () => {
    // @ts-expect-error not a transaction
    assert.throws(() => fromKysely(db), {
      code: 'OPTION_INVALID',
      message:
        'fromKysely takes a Kysely transaction, and this is a whole Kysely database; give it the one that db.transaction().execute(async (trx) => …) passes on',
    })
  })
})

const db = open()
txSuite({
  name: 'Kysely',
  wrapper: 'fromKysely',
  database,
  subject: {
    transaction: (work) => db.transaction().execute((trx) => work(fromKysely(trx), trx)),
    close: () => db.destroy(),
  },
})
