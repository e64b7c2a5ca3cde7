import { Duplex } from 'node:stream'

/** What we need of PGlite: messages of the wire protocol in, its answers out, at once. */
export interface WireDatabase {
  execProtocolRawSync(message: Uint8Array): Uint8Array
}

const firstByteOfTerminate = 'X'.charCodeAt(0)
// AuthenticationOk, then ReadyForQuery, idle
const greeting = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
const sessionOf = new WeakMap<WireDatabase, PgliteSocket>()

type Callback = (error?: Error | null) => void

/**
 * The socket of a `pg` client whose server is PGlite in this process. So both databases are used through the same client,
 * with the same types, errors and prepared statements, and twice as fast as through PGlite's own query.
 *
 * PGlite has one session, for ever. A new client gets it as new: what the one before left open is rolled back and forgotten,
 * and what that one still sends goes nowhere.
 */
export class PgliteSocket extends Duplex {
  readonly #database: WireDatabase
  #started = false

  constructor(database: WireDatabase) {
    super()
    this.#database = database
  }

  connect(): this {
    process.nextTick(() => this.emit('connect'))
    return this
  }

  // what pg expects of a socket besides
  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#answerSoon(chunk, callback)
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.#answerSoon(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#leave()
    callback(error)
  }

  /** PGlite answers at once; a chain of calls would never let timers and other sockets have their turn. */
  #answerSoon(message: Buffer, callback: Callback): void {
    setImmediate(() => {
      if (this.destroyed) {
        callback()
        return
      }
      try {
        this.#answer(message)
        callback()
      } catch (cause) {
        // WebAssembly trapped, mostly out of memory: as if the server had gone
        callback(
          Object.assign(new Error('Connection terminated: the embedded database failed', { cause }), {
            code: 'ECONNRESET',
          }),
        )
      }
    })
  }

  #answer(message: Buffer): void {
    if (!this.#started) {
      this.#started = true
      sessionOf.set(this.#database, this)
      this.#forget()
      this.push(greeting)
    } else if (message[0] === firstByteOfTerminate) {
      this.#leave()
      this.push(null)
    } else if (sessionOf.get(this.#database) === this) {
      const answer = this.#database.execProtocolRawSync(message)
      if (answer.length > 0) this.push(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength))
    } else {
      throw new Error('Another client has taken over the one session')
    }
  }

  #leave(): void {
    if (sessionOf.get(this.#database) !== this) return
    sessionOf.delete(this.#database)
    try {
      this.#forget()
    } catch {
      // the next client finds out
    }
  }

  /** Leaves nothing of a session behind: open transaction, prepared statements, settings, LISTEN. */
  #forget(): void {
    // apart, since DISCARD ALL refuses to run in a transaction, which several statements in one message are
    this.#database.execProtocolRawSync(simpleQuery('rollback'))
    this.#database.execProtocolRawSync(simpleQuery('discard all'))
  }
}

function simpleQuery(text: string): Buffer {
  const message = Buffer.alloc(6 + Buffer.byteLength(text))
  message.write('Q')
  message.writeInt32BE(message.length - 1, 1)
  message.write(text, 5)
  return message
}
