import type { AsyncLocalStorage } from 'node:async_hooks'
import { CoatcheckError } from '../base/errors.ts'
import { connectError, isStalePlan, timedOut } from './database-error.ts'
import type { CallOptions, Driver, Row, Statement, Transaction, TransactionOptions } from './driver.ts'
import { PgCall } from './pg-call.ts'
import { PgSession, type QueryResult } from './pg-session.ts'
import { PgTransaction } from './pg-transaction.ts'
import type { PgPool } from './user-pool.ts'

const defaultTimeoutMs = 6000

/** Marks the calls that are made, however indirectly, by the work of one transaction. */
export interface Nesting {
  over: boolean
}

export interface PooledDriverOptions {
  readonly kind: Driver['kind']
  readonly pool: PgPool
  readonly preparedStatements: boolean
  /** Where the pool has one connection: finds the calls that would wait for the transaction they are made in. */
  readonly nesting?: AsyncLocalStorage<Nesting>
  readonly listen: Driver['listen']
  /** Called once, when nothing runs any more. */
  readonly onClose: () => Promise<void>
}

/** Pools whose errors are heard: the drivers of one embedded database share one. */
const heard = new WeakSet<object>()

/** A driver over a `pg` pool, whatever stands behind it: a server, or PGlite through the socket of `pglite-socket.ts`. */
export class PooledDriver implements Driver {
  readonly kind: Driver['kind']
  readonly #options: PooledDriverOptions
  #borrowed = 0
  #whenIdle: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(options: PooledDriverOptions) {
    this.kind = options.kind
    this.#options = options
    // The pool tells of idle connections that broke, and has replaced them already; unheard it would end the process.
    if (!heard.has(options.pool)) options.pool.on('error', () => {})
    heard.add(options.pool)
  }

  async run(statement: Statement, values?: readonly unknown[], options?: CallOptions): Promise<Row[]> {
    const timeoutMs = options?.timeoutMs ?? defaultTimeoutMs
    const call = new PgCall(statement, values, this.#options.preparedStatements)
    try {
      return await this.#onSession(
        timeoutMs,
        (session, leftMs) => session.call(call, leftMs, true),
        options?.connectMs,
      )
    } catch (error) {
      // A table has changed since the plan was made. Nothing ran, and other connections may hold the same plan.
      if (!call.name || !isStalePlan(error)) throw error
      return this.#onSession(timeoutMs, (session, leftMs) =>
        session.call(new PgCall(statement, values, false), leftMs, true),
      )
    }
  }

  query(text: string, values?: unknown[]): Promise<QueryResult> {
    return this.#onSession(defaultTimeoutMs, (session, leftMs) => session.query(text, values, leftMs, true))
  }

  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
    return this.#onSession(
      timeoutMs,
      (session) =>
        new Promise<T>((resolve, reject) => {
          const transaction = new PgTransaction(session, options, {
            timeoutMs,
            prepared: this.#options.preparedStatements,
            onIdle: (error) => {
              session.break()
              reject(error)
            },
          })
          this.#perform(transaction, work).then(resolve, reject)
        }),
      options.connectMs,
    )
  }

  async script(text: string, options?: TransactionOptions): Promise<void> {
    await this.transaction((transaction) => transaction.query(text), options)
  }

  async listen(
    channel: string,
    onNotify: (payload: string) => void,
  ): Promise<(() => Promise<void>) | undefined> {
    this.checkFree()
    return this.#options.listen(channel, onNotify)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #perform<T>(transaction: PgTransaction, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const nesting: Nesting = { over: false }
    try {
      await transaction.begin()
      const result = await (this.#options.nesting
        ? this.#options.nesting.run(nesting, work, transaction)
        : work(transaction))
      await transaction.commit()
      return result
    } catch (error) {
      await transaction.rollback()
      throw error
    } finally {
      nesting.over = true
    }
  }

  async #close(): Promise<void> {
    if (this.#borrowed > 0)
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    await this.#options.onClose()
  }

  async #onSession<T>(
    timeoutMs: number,
    work: (session: PgSession, leftMs: number) => Promise<T>,
    connectMs = timeoutMs,
  ): Promise<T> {
    this.checkFree()
    const start = performance.now()
    this.#borrowed++
    let session: PgSession | undefined
    try {
      session = await this.#borrow(Math.min(connectMs, timeoutMs))
      return await work(session, Math.max(1, timeoutMs - (performance.now() - start)))
    } finally {
      session?.release()
      if (--this.#borrowed === 0) this.#whenIdle?.()
    }
  }

  #borrow(timeoutMs: number): Promise<PgSession> {
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        reject(timedOut(`No connection to the database was free within ${timeoutMs} ms`, false))
      }, timeoutMs)
      this.#options.pool.connect((error, client) => {
        clearTimeout(timer)
        if (late) client?.release()
        else if (client) resolve(new PgSession(client))
        else reject(connectError(error))
      })
    })
  }

  checkFree(): void {
    if (this.#closing) throw new CoatcheckError('DATABASE_CLOSED', 'The database was closed before this call')
    const nesting = this.#options.nesting?.getStore()
    if (nesting && !nesting.over)
      throw new CoatcheckError(
        'WOULD_WAIT_FOR_ITSELF',
        'This call was made inside a transaction of the embedded database, whose one connection it would wait for: use the tx that the transaction was given',
      )
  }
}
