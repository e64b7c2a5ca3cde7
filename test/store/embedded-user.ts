import { once } from 'node:events'
import { openPgliteDriver } from '../../src/store/pglite-driver.ts'

/** A process that uses an embedded database until its input ends. Run by `pglite-driver.test.ts`. */
const [directory = '', text = ''] = process.argv.slice(2)
try {
  const driver = await openPgliteDriver(directory)
  console.log(JSON.stringify((await driver.query(text)).rows))
  process.stdin.resume()
  await once(process.stdin, 'end')
  await driver.close()
} catch (error) {
  console.log(
    error instanceof Error ? `${'code' in error ? String(error.code) : ''} ${error.message}` : String(error),
  )
}
