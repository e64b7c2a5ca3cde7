import { startPgbouncer } from '../../../scripts/pgbouncer.ts'
import { askAdmin } from '../admin.ts'
import type { Endings } from '../endings.ts'
import { VoidRun } from '../stage.ts'

/** What keeps something in a session beyond the end of its transaction. Of SET, not what the pooler itself says to its servers. */
const ofASession = [
  '^\\s*(un)?listen\\s',
  '^\\s*(prepare|deallocate)\\s',
  '^\\s*set\\s+(?!local\\s|transaction\\s|(session\\s+)?(application_name|client_encoding|datestyle|timezone|standard_conforming_strings)\\M)',
  '^\\s*create\\s+(global\\s+|local\\s+)?temp',
  '^\\s*declare\\s.*\\swith\\s+hold\\s',
  'pg_(try_)?advisory_lock(_shared)?\\s*\\(',
  'set_config\\s*\\([^)]*,\\s*false\\s*\\)',
]

/** What a server has to be started with so that it can be asked afterwards what it was told. */
export const countingStatements = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'all',
  'pg_stat_statements.max': '10000',
}

/** PgBouncer before a server, in transaction mode. @throws VoidRun where the machine has none */
export async function openPooler(serverUrl: string, endings: Endings): Promise<string> {
  await askAdmin(serverUrl, 'create extension pg_stat_statements')
  try {
    const pooler = await startPgbouncer(serverUrl)
    endings.add('pooler', () => pooler.stop())
    return pooler.url
  } catch (error) {
    if ((error as { cause?: { code?: unknown } }).cause?.code === 'ENOENT')
      throw new VoidRun("this machine has no PgBouncer (Debian's package pgbouncer)")
    throw error
  }
}

/** The statements that a server was told that lean on a session, and how many different ones there were in all. */
export async function sessionStatements(
  serverUrl: string,
): Promise<{ readonly found: readonly string[]; readonly all: number }> {
  const rows = await askAdmin(
    serverUrl,
    `select query, query ~* any ($1::text[]) as leans from pg_stat_statements where query !~ 'pg_stat_statements'`,
    [ofASession],
  )
  return {
    found: rows.filter(({ leans }) => leans === true).map(({ query }) => String(query)),
    all: rows.length,
  }
}

/** Looks at the sessions of the server, ten times a second. */
export class SessionWatch {
  readonly #url: string
  readonly #timer: NodeJS.Timeout
  readonly #clients = new Map<number, Set<string>>()
  #idleLocks = new Set<number>()
  #looking: Promise<void> = Promise.resolve()
  #isLooking = false
  looks = 0
  /** Advisory locks that a session went on holding without a transaction, at two looks one after the other. */
  keptLocks = 0

  constructor(serverUrl: string, endings: Endings) {
    this.#url = serverUrl
    this.#timer = setInterval(() => {
      if (this.#isLooking) return
      this.#isLooking = true
      this.#looking = this.#look()
        // Beside what is done to connections.
        .catch(() => {})
        .finally(() => (this.#isLooking = false))
    }, 100)
    endings.add('watch of sessions', () => this.end())
  }

  /** Sessions that worked for more than one of the nodes. */
  get shared(): number {
    return [...this.#clients.values()].filter((names) => names.size > 1).length
  }

  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  async #look(): Promise<void> {
    const rows = await askAdmin(
      this.#url,
      `select a.pid, a.application_name as name, a.state = 'idle' and exists (
         select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory') as keeps
       from pg_stat_activity a where a.backend_type = 'client backend' and a.pid <> pg_backend_pid()`,
    )
    this.looks++
    const keeping = new Set<number>()
    for (const { pid, name, keeps } of rows as { pid: number; name: string; keeps: boolean }[]) {
      const names = this.#clients.get(pid) ?? new Set()
      this.#clients.set(pid, names.add(name))
      if (keeps) keeping.add(pid)
    }
    this.keptLocks += [...keeping].filter((pid) => this.#idleLocks.has(pid)).length
    this.#idleLocks = keeping
  }
}
