import { randomBytes } from 'node:crypto'
import { Client, escapeIdentifier } from 'pg'
import { startPostgres, type Postgres, type PostgresVersion } from '../scripts/postgres.ts'

export interface Server {
  readonly conditions: readonly string[]
  /** Undefined where it is not ours. */
  readonly pid: number | undefined
  /** Creates a database that nobody else uses and answers its URL. */
  freshDatabase(): Promise<string>
  dropDatabase(url: string): Promise<void>
  stop(): Promise<void>
}

/** The server that DATABASE_URL names, or one of its own. */
export async function openServer(version: PostgresVersion): Promise<Server> {
  const given = process.env['DATABASE_URL']
  return given ? serve(given, undefined) : startServer(version)
}

/** A PostgreSQL of its own that commits to disk as in production. */
export async function startServer(
  version: PostgresVersion,
  settings: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const postgres = await startPostgres({
    version,
    durable: true,
    settings: { shared_buffers: '2GB', max_wal_size: '4GB', ...settings },
  })
  // It runs in a group of its own, and would outlive a bench that is ended.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void postgres.stop().finally(() => process.exit(130)))
  return serve(postgres.url, postgres)
}

async function serve(url: string, own: Postgres | undefined): Promise<Server> {
  return {
    conditions: await readConditions(url),
    pid: own?.pid,
    async freshDatabase() {
      const name = `bench_${randomBytes(6).toString('hex')}`
      await execute(url, `create database ${escapeIdentifier(name)}`)
      const fresh = new URL(url)
      fresh.pathname = `/${name}`
      return fresh.href
    },
    async dropDatabase(fresh) {
      const name = new URL(fresh).pathname.slice(1)
      await execute(url, `drop database ${escapeIdentifier(name)} with (force)`)
    },
    async stop() {
      await own?.stop()
    },
  }
}

/** Writes all that is dirty, so that no checkpoint of an earlier case falls into the next, and refreshes statistics. */
export async function settleDown(url: string): Promise<void> {
  await execute(url, 'vacuum analyze')
  await execute(url, 'checkpoint')
}

async function readConditions(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const names = [
    'server_version',
    'fsync',
    'synchronous_commit',
    'full_page_writes',
    'shared_buffers',
    'max_wal_size',
  ]
  const { rows } = await client.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as name',
    [names],
  )
  await client.end()
  return rows.map(({ name, value }) => `${name} = ${value}`)
}

async function execute(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
