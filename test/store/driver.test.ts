import { createPgDriver } from '../../src/store/pg-driver.ts'
import { inMemory, openPgliteDriver } from '../../src/store/pglite-driver.ts'
import { driverSuite } from '../conformance/driver.suite.ts'
import { freshDatabase, testDatabase } from '../databases.ts'

if (testDatabase().kind === 'pglite') {
  driverSuite({ name: 'pglite', open: () => openPgliteDriver(inMemory), connections: 1 })
} else {
  const database = await freshDatabase()
  driverSuite({
    name: 'postgres',
    open: () => Promise.resolve(createPgDriver({ database, max: 3 })),
    connections: 3,
  })
}
