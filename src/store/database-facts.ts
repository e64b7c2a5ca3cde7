import type { Driver, Runner } from './driver.ts'
import { statement } from './statement.ts'

/** Settings of a database that decide what is left after a crash. */
export interface Keeping {
  readonly fsync: string
  readonly synchronousCommit: string
}

/** What a database may lose that was committed, in sentences; none where it keeps everything. */
export function lossesOf(kind: Driver['kind'], { fsync, synchronousCommit }: Keeping): string[] {
  if (kind === 'pglite')
    return ['The embedded database survives a crash of this process, but not one of the machine']
  return [
    fsync === 'off' && 'fsync is off: a crash of the machine may destroy the database',
    synchronousCommit === 'off' &&
      'synchronous_commit is off: a crash of the server may lose items that were accepted',
  ].filter((sentence) => sentence !== false)
}

/** The database as a session of the node sees it. */
export interface DatabaseFacts extends Keeping {
  /** `15.14` */
  readonly version: string
  readonly name: string
  readonly user: string
  /** The names of standbys that a commit waits for; empty: it waits for none. */
  readonly synchronousStandbys: string
}

const facts = statement(
  'database-facts',
  () => `
  select
    split_part(current_setting('server_version'), ' ', 1) as version,
    current_database()::text as name,
    current_user::text as user_name,
    current_setting('fsync') as fsync,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('synchronous_standby_names') as standbys`,
)

export async function readDatabaseFacts(runner: Runner, schema: string): Promise<DatabaseFacts> {
  const [row = {}] = await runner.run(facts(schema))
  return {
    version: String(row['version']),
    name: String(row['name']),
    user: String(row['user_name']),
    fsync: String(row['fsync']),
    synchronousCommit: String(row['synchronous_commit']),
    synchronousStandbys: String(row['standbys']),
  }
}

export interface AppliedMigration {
  readonly number: number
  readonly name: string
  /** In milliseconds. */
  readonly appliedAt: number
}

const applied = statement(
  'applied-migrations',
  (schema) => `
  select m.number, m.name, ${schema}.epoch_ms(m.applied_at) as applied_at
  from ${schema}.migration m
  order by m.number`,
)

/** All migrations that were applied to the schema, the oldest first. */
export async function readAppliedMigrations(runner: Runner, schema: string): Promise<AppliedMigration[]> {
  const rows = await runner.run(applied(schema))
  return rows.map((row) => ({
    number: row['number'] as number,
    name: row['name'] as string,
    appliedAt: row['applied_at'] as number,
  }))
}
