import type { Tx } from '../base/tx.ts'
import { timedOut, translateError } from './database-error.ts'
import type { Row } from './driver.ts'
import type { PgCall } from './pg-call.ts'
import { cancelOnServer } from './pg-cancel.ts'
import { titleOf } from './statement.ts'

export type QueryResult = Awaited<ReturnType<Tx['query']>>

type Callback<T> = (error: unknown, result: T) => void

/** A client that a `pg` pool hands out, as far as we use it. */
export interface PgClient {
  query(call: PgCall): unknown
  query(text: string, values: unknown[] | undefined, callback: Callback<QueryResult | QueryResult[]>): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  release(destroy?: boolean | Error): void
  getTransactionStatus?(): string | null
}

const guarded = new WeakSet<object>()

/** A connection on loan from the pool. It knows whether it can go back there. */
export class PgSession {
  readonly #client: PgClient
  #broken = false
  #released = false

  constructor(client: PgClient) {
    this.#client = client
    if (guarded.has(client)) return
    guarded.add(client)
    // A client on loan has no listener of the pool, and an 'error' without one ends the process. The call that runs on it,
    // or the next one, gets the error.
    client.on('error', () => {})
  }

  /** @param ambiguous whether the call may have taken effect if its answer is lost */
  call(call: PgCall, timeoutMs: number, ambiguous: boolean): Promise<Row[]> {
    return this.#send<Row[]>(timeoutMs, ambiguous, call.told, (callback) => {
      call.callback = callback
      this.#client.query(call)
    })
  }

  /** A statement of the user, or several without values, with the types and the protocol that `pg` chooses. */
  async query(
    text: string,
    values: unknown[] | undefined,
    timeoutMs: number,
    ambiguous: boolean,
  ): Promise<QueryResult> {
    const result = await this.#send<QueryResult | QueryResult[]>(timeoutMs, ambiguous, '', (callback) => {
      this.#client.query(text, values, callback)
    })
    return Array.isArray(result) ? (result.at(-1) ?? { rows: [] }) : result
  }

  /** Back to the pool; closed instead where it is broken, or was left inside a transaction. */
  release(): void {
    if (this.#released) return
    this.#released = true
    const status = this.#client.getTransactionStatus?.() ?? 'I'
    if (!this.#broken && status === 'I') {
      this.#client.release()
      return
    }
    this.#client.release(true)
    // The pool says goodbye and waits for the answer, which a dead network never brings; those who wait for a connection
    // would wait with it.
    const { connection } = this.#client as { connection?: { stream?: { destroy?: () => void } } }
    connection?.stream?.destroy?.()
  }

  /** The connection is not to be used again. */
  break(): void {
    this.#broken = true
  }

  /** @param name of one of our own statements; of others nothing is told, since they may hold anything */
  #send<T>(
    timeoutMs: number,
    ambiguous: boolean,
    name: string,
    start: (callback: Callback<T>) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false
      const settle = (action: () => void) => {
        if (settled) return
        settled = true
        clearTimeout(timer)
        action()
      }
      const giveUp = () =>
        settle(() => {
          this.#broken = true
          cancelOnServer(this.#client)
          const what = name === '' ? '' : ` '${titleOf(name)}'`
          reject(timedOut(`The database did not answer${what} within ${Math.ceil(timeoutMs)} ms`, ambiguous))
        })
      // After a blocked event loop timers come before the answers that have arrived meanwhile: let those be read first.
      const timer = setTimeout(() => setImmediate(giveUp), timeoutMs)
      start((error, result) =>
        settle(() => {
          if (!error) {
            resolve(result)
            return
          }
          const translated = translateError(error, ambiguous)
          if (translated.broken) this.#broken = true
          reject(translated.error)
        }),
      )
    })
  }
}
