import { CoatcheckError } from '../base/errors.ts'
import type { Driver } from './driver.ts'
import { PgListener } from './pg-listener.ts'
import { createClient, createServerPool, serverSettings } from './pg-pool.ts'
import { PooledDriver } from './pooled-driver.ts'
import type { UserPool } from './user-pool.ts'

export interface PgDriverOptions {
  /** A `postgres://` URL, or a pool, which stays the caller's to close. */
  readonly database: string | UserPool
  /** Connections of the pool, 10 unless set. */
  readonly max?: number
  /** How long a new connection may take, in milliseconds; 2,000 unless set. Not with a pool of the caller. */
  readonly connectTimeoutMs?: number
  /** Prepare named statements; switch off behind a PgBouncer older than 1.21 in transaction mode. On unless set. */
  readonly preparedStatements?: boolean
  /** Use LISTEN. On unless set, except where `preparedStatements` is off: a pooler does not pass it on. */
  readonly listen?: boolean
}

/**
 * A driver for a PostgreSQL server. Connects with the first call.
 * @throws CoatcheckError `CONFIG_INVALID` for a pool whose clients are in pipeline mode
 */
export function createPgDriver(options: PgDriverOptions): Driver {
  const { database, preparedStatements = true, listen = preparedStatements } = options
  if (
    typeof database !== 'string' &&
    database.options &&
    'pipeline' in database.options &&
    database.options.pipeline
  )
    throw new CoatcheckError(
      'CONFIG_INVALID',
      'The pool given as database has pipeline: true, and such clients refuse our statements; give a pool without it, or a URL',
    )
  const settings =
    typeof database === 'string' ? serverSettings(database, options.connectTimeoutMs) : database.options
  const ownPool =
    typeof database === 'string' && settings ? createServerPool(settings, options.max ?? 10) : undefined
  const listener = listen && settings ? new PgListener(() => createClient(settings)) : undefined
  return new PooledDriver({
    kind: 'postgres',
    pool: ownPool ?? (database as UserPool),
    preparedStatements,
    listen: async (channel, onNotify) => listener?.listen(channel, onNotify),
    onClose: async () => {
      await listener?.stop()
      await ownPool?.end()
    },
  })
}
