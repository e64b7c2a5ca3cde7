import { readFile, readdir } from 'node:fs/promises'
import { Client } from 'pg'

/** With these settings the server counts what each statement costs, those inside of functions too. */
export const countingSettings = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'all',
}

export interface StatementCost {
  readonly calls: number
  readonly totalMs: number
  readonly rows: number
  readonly walBytes: number
  readonly text: string
}

export async function startCounting(url: string): Promise<void> {
  await query(url, 'create extension if not exists pg_stat_statements')
  await query(url, 'select pg_stat_statements_reset()')
}

/** What the statements of a database have cost since the counting began, most expensive first. */
export async function readStatements(url: string): Promise<StatementCost[]> {
  const rows = await query(
    url,
    `select calls::int, total_exec_time as ms, rows::int, wal_bytes::float8 as wal, query
    from pg_stat_statements s join pg_database d on d.oid = s.dbid
    where d.datname = current_database()
    order by total_exec_time desc limit 25`,
  )
  return rows.map((row) => ({
    calls: row['calls'] as number,
    totalMs: row['ms'] as number,
    rows: row['rows'] as number,
    walBytes: row['wal'] as number,
    text: (row['query'] as string).replaceAll(/\s+/g, ' ').trim(),
  }))
}

/** Processor time that a server and its processes have used, ended ones included, in milliseconds. Linux only. */
export async function processorMs(pid: number): Promise<number> {
  const ticks = await Promise.all(
    (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((name) => readTicks(name, pid)),
  )
  return ticks.reduce((sum, one) => sum + one, 0) * 10
}

/** In ticks of 10 ms: utime and stime of the server's processes, and what the server's ended children used. */
async function readTicks(name: string, server: number): Promise<number> {
  let text: string
  try {
    text = await readFile(`/proc/${name}/stat`, 'utf8')
  } catch {
    return 0
  }
  // The second field is the name in brackets, and may hold anything.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [parent = 0] = fields.slice(1)
  const [own = 0, system = 0, children = 0, childrenSystem = 0] = fields.slice(11)
  if (Number(name) === server) return own + system + children + childrenSystem
  return parent === server ? own + system : 0
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}
