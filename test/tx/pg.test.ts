import { test } from 'node:test'
import { Pool } from 'pg'
import { testDatabase } from '../databases.ts'
import { openTxDatabase } from './database.ts'
import type { TxSubject } from './subject.ts'
import { txSuite } from './tx.suite.ts'

if (testDatabase().kind === 'postgres') {
  const database = await openTxDatabase()
  if ('url' in database)
    txSuite({ name: 'pg', database, subject: openSubject(database.url), refusesLate: false })
} else {
  test('pg', { skip: 'pg needs a server' })
}

function openSubject(url: string): TxSubject {
  const pool = new Pool({ connectionString: url })
  return {
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await work(client, client)
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}
