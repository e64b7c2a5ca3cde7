import type { PgClient } from './pg-session.ts'

/**
 * What we need of a `pg` pool; `pg.Pool` is one. In a file without `pg`, so that whoever uses this package needs no types of it.
 */
export interface PgPool {
  connect(callback: (error: Error | undefined, client: PgClient | undefined) => void): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** A pool of the user's own. `options` are those its clients are made from; without them there is no listening. */
export interface UserPool extends PgPool {
  readonly options?: object
}
