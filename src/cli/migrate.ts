import { isCoatcheckError } from '../base/errors.ts'
import { openDatabase } from '../store/database.ts'
import { databaseOf, type DatabaseFlags } from './configuration.ts'

/** `coatcheck migrate`: brings the schema up to this release. */
export async function migrate(flags: DatabaseFlags): Promise<void> {
  const { schema = 'coatcheck' } = flags
  const missing = await open(flags, 'check')
  if (missing === undefined) {
    console.log(`The schema "${schema}" is up to date.`)
    return
  }
  await open(flags, 'auto')
  console.log(`The schema "${schema}" has been brought up to this release.`)
}

/** @returns in mode `check`, the error where the schema is not up to date */
async function open(flags: DatabaseFlags, mode: 'auto' | 'check'): Promise<unknown> {
  const { schema, directory } = flags
  try {
    const { driver } = await openDatabase({
      database: databaseOf(flags),
      ...(schema !== undefined && { schema }),
      ...(directory !== undefined && { directory }),
      migrate: mode,
    })
    await driver.close()
    return undefined
  } catch (error) {
    if (isCoatcheckError(error, 'SCHEMA_MISSING')) return error
    throw error
  }
}
