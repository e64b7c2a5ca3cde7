import { openDatabase, type OpenDatabase } from '../store/database.ts'
import { existingDatabase, type DatabaseFlags } from './configuration.ts'

/**
 * Does something with a database that is there.
 * @throws CoatcheckError `SCHEMA_MISSING`, and what opening the database throws
 */
export async function withDatabase<T>(
  flags: DatabaseFlags,
  work: (database: OpenDatabase) => Promise<T>,
): Promise<T> {
  const { schema, directory } = flags
  const database = await openDatabase({
    database: existingDatabase(flags),
    ...(schema !== undefined && { schema }),
    ...(directory !== undefined && { directory }),
    // a schema is changed by who says so
    migrate: 'check',
  })
  try {
    return await work(database)
  } finally {
    await database.driver.close()
  }
}
