import { CoatcheckError } from '../base/errors.ts'
import { lossesOf } from './database-facts.ts'
import type { Driver } from './driver.ts'
import { migrate } from './migrate.ts'
import { createPgDriver } from './pg-driver.ts'
import { openPgliteDriver } from './pglite-driver.ts'
import { quotedSchema } from './schema-name.ts'
import type { UserPool } from './user-pool.ts'

const oldestVersion = 15

export interface DatabaseOptions {
  /**
   * A `postgres://` URL, a `pg` pool (which stays the caller's to close), or `embedded`. Unset is embedded too, but not where
   * `environment` is `production`.
   */
  readonly database?: string | UserPool | undefined
  /** A plain identifier; `coatcheck` unless set. */
  readonly schema?: string
  /** Where the embedded database lives; `.coatcheck/data` unless set. `memory://` is nowhere, `memory://name` nowhere but shared in this process. */
  readonly directory?: string
  /** `auto` (default) applies missing migrations; `check` throws where some are missing. */
  readonly migrate?: 'auto' | 'check'
  /** On unless set; off behind a pooler that does not know prepared statements. */
  readonly preparedStatements?: boolean
  /** Use LISTEN; as `preparedStatements` unless set. */
  readonly listen?: boolean
  /** `NODE_ENV` unless set. */
  readonly environment?: string | undefined
}

export interface OpenDatabase {
  readonly driver: Driver
  readonly schema: string
  /** Sentences for the log, e.g. that the server may lose what it has committed. */
  readonly warnings: readonly string[]
}

/**
 * Opens the database, checks that it is fit for use, and brings its schema up to date.
 * @throws CoatcheckError `EMBEDDED_REFUSED`, `EMBEDDED_MISSING`, `DATABASE_LOCKED`, `DATABASE_UNREACHABLE`,
 * `DATABASE_UNSUITABLE` (all problems at once), `SCHEMA_MISSING`, `SCHEMA_NEWER`, `MIGRATION_CHANGED`, `CONFIG_INVALID`
 */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  const { schema = 'coatcheck', migrate: mode = 'auto' } = options
  quotedSchema(schema)
  const driver = await openDriver(options)
  try {
    const warnings = await checkServer(driver)
    await migrate(driver, { schema, mode })
    return { driver, schema, warnings }
  } catch (error) {
    await driver.close()
    throw error
  }
}

function openDriver(options: DatabaseOptions): Promise<Driver> {
  const { database } = options
  if (database === undefined || database === 'embedded') {
    const environment = options.environment ?? process.env['NODE_ENV']
    if (database === undefined && environment === 'production')
      throw new CoatcheckError(
        'EMBEDDED_REFUSED',
        "No database is set, and NODE_ENV is production: set database to a postgres:// URL, or to 'embedded' if one process with an embedded database is what you want",
      )
    return openPgliteDriver(options.directory ?? '.coatcheck/data')
  }
  if (typeof database === 'string' && !/^postgres(ql)?:\/\//.test(database))
    throw new CoatcheckError(
      'CONFIG_INVALID',
      `database is ${JSON.stringify(redacted(database))}; it takes a postgres:// URL, 'embedded', or a pg pool`,
    )
  return Promise.resolve(
    createPgDriver({
      database,
      ...(options.preparedStatements !== undefined && { preparedStatements: options.preparedStatements }),
      ...(options.listen !== undefined && { listen: options.listen }),
    }),
  )
}

async function checkServer(driver: Driver): Promise<string[]> {
  const [row = {}] = await driver.run({
    text: `
      select
        current_setting('server_version_num')::int as version,
        current_setting('default_transaction_isolation') as isolation,
        current_setting('server_encoding') as encoding,
        current_setting('transaction_read_only') as read_only,
        current_setting('synchronous_commit') as synchronous_commit,
        current_setting('fsync') as fsync`,
  })
  const version = Number(row['version'])
  const isolation = String(row['isolation'])
  const encoding = String(row['encoding'])
  const problems = [
    version < oldestVersion * 10_000 &&
      `it is PostgreSQL ${Math.floor(version / 10_000)}, and ${oldestVersion} is the oldest that will do`,
    isolation !== 'read committed' &&
      `default_transaction_isolation is "${isolation}" and has to be "read committed"`,
    encoding !== 'UTF8' && `its encoding is ${encoding} and has to be UTF8`,
    row['read_only'] === 'on' && 'it is read-only (a standby, or default_transaction_read_only)',
  ].filter((problem) => problem !== false)
  if (problems.length > 0)
    throw new CoatcheckError('DATABASE_UNSUITABLE', `The database cannot be used: ${problems.join('; ')}`)
  return lossesOf(driver.kind, {
    fsync: String(row['fsync']),
    synchronousCommit: String(row['synchronous_commit']),
  })
}

/** What to show of something that was meant to be a URL: it may hold a password. */
function redacted(database: string): string {
  return database.replace(/:[^:@/]*@/, ':…@').slice(0, 80)
}
