import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { PGlite } from '@electric-sql/pglite'
import { drizzle as drizzleServer } from 'drizzle-orm/node-postgres'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import { Pool } from 'pg'
import { fromDrizzle } from '../../src/tx/tx.ts'
import { openTxDatabase } from './database.ts'
import type { TxSubject } from './subject.ts'
import { txSuite } from './tx.suite.ts'

const database = await openTxDatabase()
const { db, subject } = 'url' in database ? openServer(database.url) : openPglite(database.pglite)

describe('Drizzle', () => {
  after(() => database.query('truncate employee'))

  test('a savepoint is taken', async () => {
    await db.transaction(async (tx) => {
      await fromDrizzle(tx).query('insert into employee (id) values (1)')
      const inner = tx.transaction(async (savepoint) => {
        await fromDrizzle(savepoint).query('insert into employee (id) values (2)')
        savepoint.rollback()
      })
      await assert.rejects(inner, /Rollback/)
    })
    assert.deepEqual(await database.query('select id from employee'), [{ id: 1 }])
  })

  test('a whole database is refused', () => {
    // @ts-expect-error not a transaction
    assert.throws(() => fromDrizzle(db), {
      code: 'OPTION_INVALID',
      message:
        'fromDrizzle takes a Drizzle transaction, and this is a whole Drizzle database; give it the one that db.transaction(async (tx) => …) passes on',
    })
  })
})

// A pool's client does not know that the transaction which ran on it has ended; Drizzle does not watch for it.
txSuite({ name: 'Drizzle', wrapper: 'fromDrizzle', database, subject, refusesLate: 'pglite' in database })

function openServer(url: string) {
  const pool = new Pool({ connectionString: url })
  const db = drizzleServer(pool)
  const subject: TxSubject = {
    transaction: (work) => db.transaction((tx) => work(fromDrizzle(tx), tx)),
    close: () => pool.end(),
  }
  return { db, subject }
}

function openPglite(pglite: PGlite) {
  const db = drizzlePglite({ client: pglite })
  const subject: TxSubject = {
    transaction: (work) => db.transaction((tx) => work(fromDrizzle(tx), tx)),
    close: async () => {},
  }
  return { db, subject }
}
