import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { Client, escapeIdentifier } from 'pg'

export type TestDatabase = { kind: 'pglite'; url?: undefined } | { kind: 'postgres'; url: string }

/**
 * The database that this run tests on. `npm test` sets it for each pass, and its URL is a superuser's; a file that
 * is run alone by `node --test` gets PGlite.
 */
export function testDatabase(): TestDatabase {
  const { COATCHECK_TEST_DATABASE: kind = 'pglite', COATCHECK_TEST_URL: url } = process.env
  if (kind === 'pglite') return { kind }
  if (kind !== 'postgres') throw new Error(`COATCHECK_TEST_DATABASE is pglite or postgres, not '${kind}'.`)
  if (!url)
    throw new Error('COATCHECK_TEST_URL is not set; `npm test -- --database 18 <file>` starts a PostgreSQL.')
  return { kind, url }
}

/** What a node is given behind a pooler of transactions, where this run has one: no session outlives a transaction there. */
export function pooled(): { database: string; preparedStatements: false } | undefined {
  const { COATCHECK_TEST_POOLER: database } = process.env
  return database ? { database, preparedStatements: false } : undefined
}

/** The name of a schema that nobody else uses. */
export function freshSchema(): string {
  return `test_${randomBytes(6).toString('hex')}`
}

/**
 * Creates a database of its own in the cluster and returns its URL; it is dropped, sessions and all, after the
 * test or file that asked for it.
 */
export async function freshDatabase(): Promise<string> {
  const { url } = testDatabase()
  if (!url) throw new Error('PGlite has one database: give each test a folder or memory of its own instead.')
  const name = `test_${randomBytes(6).toString('hex')}`
  await execute(url, `create database ${escapeIdentifier(name)}`)
  after(() => execute(url, `drop database if exists ${escapeIdentifier(name)} with (force)`))
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
