import { migrate } from '../../src/store/migrate.ts'
import { readMigrations } from '../../src/store/migration-files.ts'
import { createPgDriver } from '../../src/store/pg-driver.ts'

/** A process that migrates a schema, and prints what it applied. Run by `migrate.test.ts`. */
const [database = '', schema = ''] = process.argv.slice(2)
const driver = createPgDriver({ database })
console.log('ready')
process.stdin.once('data', () => void run())

async function run(): Promise<void> {
  try {
    console.log((await migrate(driver, { schema, mode: 'auto', migrations: await readMigrations() })).join())
  } catch (error) {
    console.log(String(error))
  } finally {
    await driver.close()
    process.stdin.destroy()
  }
}
