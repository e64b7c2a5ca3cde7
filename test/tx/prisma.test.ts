import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { fromPrisma } from '../../src/tx/tx.ts'
import { testDatabase } from '../databases.ts'
import { openTxDatabase, type TxDatabase } from './database.ts'
import { openPrisma, type PrismaClient } from './prisma/client.ts'
import { txSuite } from './tx.suite.ts'

if (testDatabase().kind === 'postgres') {
  const database = await openTxDatabase()
  if ('url' in database) suites(database, await openPrisma(database.url))
} else {
  test('Prisma', { skip: 'Prisma has no adapter for PGlite of its own' })
}

function suites(database: TxDatabase, prisma: PrismaClient): void {
  describe('Prisma', () => {
    after(() => database.query('truncate employee'))

    test('its own writes and ours are one', async () => {
      const failed = prisma.$transaction(async (tx) => {
        await tx.employee.create({ data: { id: 1 } })
        const { rows } = await fromPrisma(tx).query('select id from employee')
        assert.deepEqual(rows, [{ id: 1 }])
        throw new Error('roll back')
      })
      await assert.rejects(failed, /roll back/)
      assert.deepEqual(await database.query('select id from employee'), [])
    })

    test('what it does not know has to be cast, and it says so', async () => {
      await prisma.$transaction(async (tx) => {
        await assert.rejects(fromPrisma(tx).query("select pg_notify('a', 'b')"), /void.*casting/s)
        const { rows } = await fromPrisma(tx).query("select pg_notify('a', 'b')::text as done")
        assert.deepEqual(rows, [{ done: '' }])
      })
    })

    test('a whole database is refused', () => {
      // @ts-expect-error not a transaction
      assert.throws(() => fromPrisma(prisma), {
        code: 'OPTION_INVALID',
        message:
          'fromPrisma takes a Prisma transaction, and this is a whole Prisma database; give it the one that prisma.$transaction(async (tx) => …) passes on',
      })
    })
  })

  txSuite({
    name: 'Prisma',
    wrapper: 'fromPrisma',
    database,
    subject: {
      transaction: (work) => prisma.$transaction((tx) => work(fromPrisma(tx), tx)),
      close: () => prisma.$disconnect(),
    },
  })
}
