import { setTimeout as delay } from 'node:timers/promises'
import { CoatcheckError } from '../base/errors.ts'
import { timedOut } from './database-error.ts'
import type { Driver, Runner } from './driver.ts'
import { type Migration, readMigrations } from './migration-files.ts'
import { quotedSchema } from './schema-name.ts'

const lockTimeoutMs = 2000
const statementTimeoutMs = 10 * 60_000
/** Of all but the migrations themselves: a connection that died is not waited for as long as a large table may take. */
const quick = { timeoutMs: 6000 }
/** For a connection: others may use all of a pool, or the one of an embedded database. */
const connectMs = 60_000
const patienceMs = 2 * 60_000
// lock not available, deadlock, serialization failure: another starter, or a node at work, was in the way
const retried = new Set(['55P03', '40P01', '40001'])

export interface MigrateOptions {
  readonly schema: string
  /** `auto` applies what is missing; `check` only looks. */
  readonly mode: 'auto' | 'check'
  /** Those of this release unless given. */
  readonly migrations?: readonly Migration[]
}

interface Applied {
  readonly number: number
  readonly name: string
  readonly checksum: string
}

/**
 * Brings the schema up to this release, or checks that it is. Forward only; all that is missing is applied in one transaction,
 * by one starter at a time, while the others wait and then find nothing to do.
 * @returns the names of the migrations that were applied now
 * @throws CoatcheckError `SCHEMA_MISSING` (mode `check`), `SCHEMA_NEWER`, `MIGRATION_CHANGED`, `OPTION_INVALID` (schema's name),
 * `DATABASE_TIMEOUT` when somebody holds a lock in its way for two minutes
 */
export async function migrate(driver: Driver, options: MigrateOptions): Promise<string[]> {
  quotedSchema(options.schema)
  const known = options.migrations ?? (await readMigrations())
  // most starts find all done, and take no lock for it
  const missing = findMissing(known, await readApplied(driver, options.schema), options.schema)
  if (missing.length === 0) return []
  if (options.mode === 'check') throw missingError(missing, options.schema)
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      return await applyMissing(driver, known, options.schema)
    } catch (error) {
      if (!isRetried(error)) throw error
      if (performance.now() > deadline)
        throw timedOut(`For ${patienceMs / 1000} s others held what the migration had to lock`, false, error)
      // jitter, so that starters that met once do not meet again
      await delay(100 + Math.random() * 400)
    }
  }
}

function applyMissing(driver: Driver, known: readonly Migration[], schema: string): Promise<string[]> {
  const quoted = quotedSchema(schema)
  return driver.transaction(
    async (tx) => {
      // the lock ends with the transaction, so it works behind a pooler and a crash leaves none behind
      await tx.run(
        { text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))' },
        [`coatcheck migrate ${schema}`],
        quick,
      )
      const missing = findMissing(known, await readApplied(tx, schema), schema)
      if (missing.length === 0) return []
      await tx.query(`${await createSchemaText(tx, schema)}
        create table if not exists ${quoted}.migration (
          number int primary key,
          name text not null,
          checksum text not null,
          applied_at timestamptz not null default clock_timestamp()
        )`)
      for (const { number, name, text, checksum } of missing) {
        await tx.query(text.replaceAll('{schema}', quoted))
        await tx.run(
          { text: `insert into ${quoted}.migration (number, name, checksum) values ($1, $2, $3)` },
          [number, name, checksum],
          quick,
        )
      }
      return missing.map(({ name }) => name)
    },
    {
      timeoutMs: statementTimeoutMs,
      connectMs,
      idleTimeoutMs: statementTimeoutMs,
      lockTimeoutMs,
    },
  )
}

/** CREATE SCHEMA asks for a right of its own, even IF NOT EXISTS; where an administrator made the schema it is not needed. */
async function createSchemaText(runner: Runner, schema: string): Promise<string> {
  const rows = await runner.run(
    { text: 'select 1 as found from pg_catalog.pg_namespace where nspname = $1' },
    [schema],
    quick,
  )
  return rows.length > 0 ? '' : `create schema ${quotedSchema(schema)};`
}

async function readApplied(runner: Runner, schema: string): Promise<Applied[]> {
  // to_regclass would answer from a cache that says nothing of what was committed while this transaction waited for the lock
  const found = await runner.run(
    {
      text: `select 1 from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
        where nspname = $1 and relname = 'migration'`,
    },
    [schema],
    quick,
  )
  if (found.length === 0) return []
  const rows = await runner.run(
    { text: `select number, name, checksum from ${quotedSchema(schema)}.migration order by number` },
    [],
    quick,
  )
  return rows.map((applied) => ({
    number: Number(applied['number']),
    name: String(applied['name']),
    checksum: String(applied['checksum']),
  }))
}

function findMissing(known: readonly Migration[], applied: readonly Applied[], schema: string): Migration[] {
  const knownByNumber = new Map(known.map((migration) => [migration.number, migration]))
  const newer = applied.filter(({ number }) => !knownByNumber.has(number))
  if (newer.length > 0)
    throw new CoatcheckError(
      'SCHEMA_NEWER',
      `The schema "${schema}" has migrations that this release does not know: ${listed(newer)}. Start a release at least as new as the one that applied them`,
    )
  const changed = applied.filter(({ number, checksum }) => knownByNumber.get(number)?.checksum !== checksum)
  if (changed.length > 0)
    throw new CoatcheckError(
      'MIGRATION_CHANGED',
      `The schema "${schema}" was made by other files than those of this release: ${listed(changed)}. An applied migration is never edited; restore the file, or use a new schema`,
    )
  const appliedNumbers = new Set(applied.map(({ number }) => number))
  return known.filter(({ number }) => !appliedNumbers.has(number))
}

function missingError(missing: readonly Migration[], schema: string): CoatcheckError {
  return new CoatcheckError(
    'SCHEMA_MISSING',
    `The schema "${schema}" lacks ${listed(missing)}. Run "coatcheck migrate", or start with migrate: 'auto'`,
  )
}

function listed(migrations: readonly { readonly name: string }[]): string {
  return migrations.map(({ name }) => name).join(', ')
}

function isRetried(error: unknown): boolean {
  return error instanceof Error && 'code' in error && retried.has(String(error.code))
}
