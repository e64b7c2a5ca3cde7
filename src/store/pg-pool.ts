import type { Duplex } from 'node:stream'
import pg from 'pg'
import type { PgPool } from './user-pool.ts'

/** What hangs in a dead network takes a place of the pool for so long, when the network may be back already. */
const usualConnectTimeoutMs = 2000
const keepAliveDelayMs = 10_000

/** A pool of our own. */
export interface OwnPool extends PgPool {
  query(text: string): Promise<unknown>
  end(): Promise<void>
}

/** What the clients of a server are made from. */
export function serverSettings(connectionString: string, connectTimeoutMs = usualConnectTimeoutMs): object {
  return {
    connectionString,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
    fallback_application_name: 'coatcheck',
  }
}

/** A pool of connections to a server. Idle ones do not keep the process alive. */
export function createServerPool(settings: object, max: number): OwnPool {
  return new pg.Pool({ ...settings, max, allowExitOnIdle: true })
}

/**
 * A pool for a server with one session that is reached through `createSocket`.
 * @param onConnect is waited for before a new client is used
 */
export function createSingleSessionPool(
  createSocket: () => Duplex,
  onConnect: (client: pg.ClientBase) => Promise<void>,
): OwnPool {
  return new pg.Pool({
    max: 1,
    idleTimeoutMillis: 0,
    // the environment has settings for servers: PGUSER, PGSSLMODE and so on
    user: 'postgres',
    database: 'postgres',
    password: '',
    ssl: false,
    stream: createSocket,
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it, which its types do not say
    onConnect,
  })
}

/** A connection of its own, outside any pool. */
export function createClient(settings: object): pg.Client {
  return new pg.Client(settings)
}
