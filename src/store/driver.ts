import { isCoatcheckError } from '../base/errors.ts'
import type { Tx } from '../base/tx.ts'

/** A row of one of our own statements: `int2`, `int4`, `float8` come as numbers, `boolean` as itself, all else as text. */
export type Row = Record<string, unknown>

export interface Statement {
  /** One statement with `$1` parameters; the schema's name is already in it. */
  readonly text: string
  /** Hot statements carry a name and are prepared once per connection (unless the database stands behind a pooler). */
  readonly name?: string
}

export interface CallOptions {
  /**
   * Deadline of the call in milliseconds, waiting for a connection included; 6,000 unless set. When it passes the server is
   * asked to cancel, and the connection is given up.
   */
  readonly timeoutMs?: number
  /** How much of it may pass until there is a connection, in milliseconds; all of it unless set. Not for calls within a transaction. */
  readonly connectMs?: number
}

/**
 * The deadlines of an accept: what was dialled into a dead network leads nowhere when that is back, and another connection does.
 */
export function acceptDeadlines(timeoutMs: number): CallOptions {
  return { timeoutMs, connectMs: 1_000 }
}

/**
 * Whether it is unknown what became of the call: it was sent, and the connection was lost (`DATABASE_UNREACHABLE`) or the
 * deadline passed (`DATABASE_TIMEOUT`) before the answer to the statement, or to the COMMIT, came. All other errors mean that
 * nothing was written; a call inside an open transaction is never ambiguous, only its commit is.
 */
export function isAmbiguous(error: unknown): boolean {
  return isCoatcheckError(error) && 'ambiguous' in error && error.ambiguous === true
}

/**
 * Runs statements: the whole database, or one transaction of it. It is a {@link Tx} too: `query` is for the statements of
 * users, with the types that `pg` gives by default, on both databases (dates as `Date`, `json` parsed, `int8` as text).
 */
export interface Runner extends Tx {
  /**
   * @throws CoatcheckError `DATABASE_TIMEOUT`, `DATABASE_UNREACHABLE` (see {@link isAmbiguous}), `DATABASE_CLOSED`,
   * `TRANSACTION_OVER`; else the error of `pg`, with its SQLSTATE in `code`
   */
  run(statement: Statement, values?: readonly unknown[], options?: CallOptions): Promise<Row[]>
}

export interface Transaction extends Runner {
  /**
   * Runs the last statement and commits, both in one round trip.
   * Nothing can follow it, whether it succeeds or fails.
   * @returns the rows, once committed
   * @throws the statement's error, after the transaction was rolled back; an ambiguous one where the answer was lost
   */
  runAndCommit(statement: Statement, values?: readonly unknown[]): Promise<Row[]>
}

/** `timeoutMs` is the deadline of each call in the transaction; the server gives up a statement a little earlier. */
export interface TransactionOptions extends CallOptions {
  /** How long the transaction may sit idle between two calls, in milliseconds; 6,000 unless set. It is then rolled back. */
  readonly idleTimeoutMs?: number
  /** How long a statement may wait for a lock (SQLSTATE 55P03 after it), in milliseconds; 3,000 unless set. */
  readonly lockTimeoutMs?: number
}

/**
 * A database: `postgres` (a pool of connections) or `pglite` (one embedded connection). Two implementations, held by one
 * conformance suite (`test/conformance/driver.suite.ts`).
 */
export interface Driver extends Runner {
  readonly kind: 'postgres' | 'pglite'
  /**
   * One transaction, read committed, with local lock, statement and idle-in-transaction timeouts. Commits when `work`
   * returns (unless it ended with `runAndCommit`), rolls back when it throws. A statement's error that `work` swallowed is
   * thrown instead of committing. Calls that `work` makes at once run one after the other.
   * @throws CoatcheckError `WOULD_WAIT_FOR_ITSELF` from `pglite`, whose one connection the call would wait for
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /**
   * Throws where a call of the driver would wait for the transaction that it is made in.
   * @throws CoatcheckError `WOULD_WAIT_FOR_ITSELF`
   */
  checkFree(): void
  /** Runs a script of many statements without parameters (migrations), inside one transaction. */
  script(text: string, options?: TransactionOptions): Promise<void>
  /**
   * Tells `onNotify` of each NOTIFY on the channel, until the returned function is called. A hint only: it may miss any of
   * them, never throws because the database is away, and reconnects on its own. Answers undefined where listening is not possible (behind a pooler).
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<(() => Promise<void>) | undefined>
  /** Waits for what runs, then closes; calls made after it throw `DATABASE_CLOSED`. Twice is fine. */
  close(): Promise<void>
}
