import { once } from 'node:events'
import { acquireLockFile } from '../../src/store/lock-file.ts'

/** A process that takes the lock file, says so, and lets it go when its input ends. Run by `lock-file.test.ts`. */
const [path = '', patience = '5000'] = process.argv.slice(2)
try {
  const lock = await acquireLockFile(path, 'the directory of the test', Number(patience))
  console.log('held')
  process.stdin.resume()
  await once(process.stdin, 'end')
  await lock.release()
} catch (error) {
  console.log(error instanceof Error ? error.message : String(error))
}
