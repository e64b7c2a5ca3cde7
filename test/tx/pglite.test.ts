import { test } from 'node:test'
import { testDatabase } from '../databases.ts'
import { openTxDatabase } from './database.ts'
import { txSuite } from './tx.suite.ts'

if (testDatabase().kind === 'pglite') {
  const database = await openTxDatabase()
  if ('pglite' in database) {
    const { pglite } = database
    txSuite({
      name: 'PGlite',
      database,
      subject: {
        transaction: (work) => pglite.transaction((tx) => work(tx, tx)),
        close: () => pglite.close(),
      },
    })
  }
} else {
  test('PGlite', { skip: 'PGlite is the database of another pass' })
}
