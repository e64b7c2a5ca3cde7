import { CoatcheckError } from '../base/errors.ts'
import { timedOut } from './database-error.ts'
import type { CallOptions, Row, Statement, Transaction, TransactionOptions } from './driver.ts'
import { PgCall } from './pg-call.ts'
import type { PgSession, QueryResult } from './pg-session.ts'

const defaultLockTimeoutMs = 3000
const defaultIdleTimeoutMs = 6000
/** Of `begin` and `rollback`, which wait for nothing, however long the statements between may take. */
const longestEdgeMs = 6000

export interface TransactionSettings {
  readonly timeoutMs: number
  readonly prepared: boolean
  /** Called when the transaction sat idle for too long and must not go on. */
  readonly onIdle: (error: CoatcheckError) => void
}

/** One transaction on a connection on loan. */
export class PgTransaction implements Transaction {
  readonly #session: PgSession
  readonly #settings: TransactionSettings
  readonly #lockTimeoutMs: number
  readonly #idleTimeoutMs: number
  #tail: Promise<unknown> = Promise.resolve()
  #idleTimer: NodeJS.Timeout | undefined
  #over: CoatcheckError | undefined
  #failure: Error | undefined
  #ended = false

  constructor(session: PgSession, options: TransactionOptions, settings: TransactionSettings) {
    this.#session = session
    this.#settings = settings
    this.#lockTimeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs
    this.#idleTimeoutMs = options.idleTimeoutMs ?? defaultIdleTimeoutMs
  }

  async begin(): Promise<void> {
    const { timeoutMs } = this.#settings
    // The server gives up a little before us, so that the connection survives; it ends an idle transaction a little after us,
    // for the case that this process hangs.
    await this.#session.query(
      [
        'begin isolation level read committed',
        `set local lock_timeout = ${wholeMs(this.#lockTimeoutMs)}`,
        `set local statement_timeout = ${wholeMs(timeoutMs * 0.9)}`,
        `set local idle_in_transaction_session_timeout = ${wholeMs(this.#idleTimeoutMs + 500)}`,
      ].join(';\n'),
      undefined,
      Math.min(timeoutMs, longestEdgeMs),
      false,
    )
    this.#watchIdle()
  }

  run(statement: Statement, values?: readonly unknown[], options?: CallOptions): Promise<Row[]> {
    return this.#inTurn(() =>
      this.#session.call(this.#call(statement, values, false), this.#timeout(options), false),
    )
  }

  query(text: string, values?: unknown[]): Promise<QueryResult> {
    return this.#inTurn(() => this.#session.query(text, values, this.#settings.timeoutMs, false))
  }

  async runAndCommit(statement: Statement, values?: readonly unknown[]): Promise<Row[]> {
    try {
      return await this.#inTurn(async () => {
        const call = this.#call(statement, values, true)
        this.#end()
        const rows = await this.#session.call(call, this.#settings.timeoutMs, true)
        this.#expectCommit(call)
        this.#ended = true
        return rows
      })
    } catch (error) {
      this.#end()
      await this.rollback()
      throw error
    }
  }

  /** Commits, unless `runAndCommit` has, or the transaction has failed in it. */
  async commit(): Promise<void> {
    if (this.#over) return
    await this.#inTurn(async () => {
      const call = this.#call({ text: 'commit' }, [], false)
      this.#end()
      await this.#session.call(call, this.#settings.timeoutMs, true)
      // a COMMIT that was answered by ROLLBACK has ended it as well
      this.#ended = true
      this.#expectCommit(call)
    })
  }

  /** Undoes what was not committed. A connection on which that fails is not used again. Never throws. */
  async rollback(): Promise<void> {
    this.#end()
    await this.#tail
    if (this.#ended) return
    this.#ended = true
    try {
      const timeoutMs = Math.min(this.#settings.timeoutMs, longestEdgeMs)
      await this.#session.call(this.#call({ text: 'rollback' }, [], false), timeoutMs, false)
    } catch {
      this.#session.break()
    }
  }

  #call(statement: Statement, values: readonly unknown[] | undefined, commit: boolean): PgCall {
    return new PgCall(statement, values, this.#settings.prepared, commit)
  }

  /** The server's statement_timeout is that of the transaction, so a call can only have a shorter one. */
  #timeout(options: CallOptions | undefined): number {
    return Math.min(options?.timeoutMs ?? Infinity, this.#settings.timeoutMs)
  }

  /** After a failed statement the server answers COMMIT by ROLLBACK, without an error. */
  #expectCommit(call: PgCall): void {
    if (call.tags.at(-1) === 'COMMIT') return
    throw (
      this.#failure ??
      new CoatcheckError(
        'TRANSACTION_OVER',
        `The transaction was rolled back by the server: COMMIT was answered by ${call.tags.at(-1) ?? 'nothing'}`,
      )
    )
  }

  /** One statement at a time: a client has one wire, and callers of one transaction may be many. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      if (this.#over) throw this.#over
      clearTimeout(this.#idleTimer)
      try {
        return await work()
      } catch (error) {
        if (error instanceof Error) this.#failure ??= error
        throw error
      } finally {
        if (!this.#over) this.#watchIdle()
      }
    })
    this.#tail = turn.catch(() => {})
    return turn
  }

  #watchIdle(): void {
    this.#idleTimer = setTimeout(() => {
      const error = timedOut(
        `The transaction was idle for ${this.#idleTimeoutMs} ms and was rolled back`,
        false,
      )
      this.#over ??= error
      this.#ended = true
      this.#settings.onIdle(error)
    }, this.#idleTimeoutMs)
  }

  #end(): void {
    clearTimeout(this.#idleTimer)
    this.#over ??= new CoatcheckError(
      'TRANSACTION_OVER',
      'The transaction is over: it was committed or rolled back before this call',
    )
  }
}

function wholeMs(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds))
}
