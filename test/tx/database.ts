import { after } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { Client } from 'pg'
import { readMigrations } from '../../src/store/migration-files.ts'
import { freshDatabase, testDatabase } from '../databases.ts'

/** A database that nobody else uses, with our schema, one queue processor and a table of the application. */
export type TxDatabase = {
  /** Runs outside of the transactions of the test. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
} & ({ readonly url: string } | { readonly pglite: PGlite })

/** Opens it until the file is over; to be called before its tests, not in them. */
export async function openTxDatabase(): Promise<TxDatabase> {
  const opened = testDatabase().kind === 'pglite' ? await openPglite() : await openPostgres()
  const { script, ...database } = opened
  await script('create schema coatcheck')
  for (const { text } of await readMigrations()) await script(text.replaceAll('{schema}', 'coatcheck'))
  await script(`
    select coatcheck.declare_queue('standard', 2);
    insert into coatcheck.definition (id, application, queue, keyed, max_payload)
    values ('provision', 'hr', 1, false, 10000);
    create table employee (id int primary key, full_name text);
  `)
  return database
}

async function openPostgres() {
  const clients: Client[] = []
  // hooks run in the order they were asked for, and the next one drops the database
  after(() => clients[0]?.end())
  const url = await freshDatabase()
  const admin = new Client({ connectionString: url })
  clients.push(admin)
  await admin.connect()
  return {
    url,
    query: async (text: string, values?: unknown[]) => (await admin.query(text, values)).rows,
    script: (text: string) => admin.query(text),
  }
}

async function openPglite() {
  const pglite = await PGlite.create()
  after(() => (pglite.closed ? undefined : pglite.close()))
  return {
    pglite,
    query: async (text: string, values?: unknown[]) =>
      (await pglite.query<Record<string, unknown>>(text, values)).rows,
    script: (text: string) => pglite.exec(text),
  }
}
