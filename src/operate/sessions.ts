import { GatheredLookUp } from '../http/gathered-look-up.ts'
import type { HttpRequest } from '../http/message.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Runner } from '../store/driver.ts'
import {
  findSessions,
  insertSession,
  pruneSessions,
  revokeSession,
  touchSession,
  type SessionRow,
} from '../store/operator-sessions.ts'
import type { Operator, OperatorRole } from './operator.ts'
import type { SessionStanding } from './route.ts'
import { createPublicId, createSecret, digestOf } from './secret.ts'
import { readSessionCookie } from './session-cookie.ts'

/** However much is asked, somebody signs in again after this. */
const lifeMs = 12 * 3_600_000
/** A session that was ended, or whose user was disabled, is refused after this at the latest, on every node. */
const keptMs = 3_000
const maxKept = 10_000

/** Who a session is for. */
export interface NewSession {
  readonly operator: Operator
  /** The user whose role and access group count as they are at the time; unset: those of the operator do. */
  readonly userName?: string
  /** How it began. */
  readonly via: string
}

interface Kept {
  readonly row: SessionRow
  readonly until: number
}

/** The sessions of browsers. */
export class Sessions {
  readonly #database: OpenDatabase
  readonly #rows: GatheredLookUp<SessionRow>
  /** By digest; those that are over first. */
  readonly #kept = new Map<string, Kept>()
  /** How often all was forgotten. */
  #forgotten = 0

  constructor(database: OpenDatabase) {
    this.#database = database
    this.#rows = new GatheredLookUp((digests) => findSessions(database.driver, database.schema, digests))
  }

  /** Begins a session in a transaction. @returns its secret, for the cookie */
  async begin(
    { operator, userName, via }: NewSession,
    runner: Runner,
  ): Promise<{ id: string; secret: string }> {
    const { schema } = this.#database
    const { secret, digest } = createSecret()
    const id = createPublicId()
    const isUser = userName !== undefined
    await pruneSessions(runner, schema)
    await insertSession(
      runner,
      schema,
      {
        id,
        digest,
        operator: operator.id,
        name: operator.name,
        userName: userName ?? null,
        role: isUser ? null : operator.role,
        accessGroup: isUser ? null : (operator.accessGroup ?? null),
        via,
      },
      lifeMs,
    )
    return { id, secret }
  }

  /**
   * The session that a request brings.
   * @param isUse whether it becomes younger by it
   */
  async find(
    request: Pick<HttpRequest, 'headers' | 'host' | 'origin'>,
    isUse: boolean,
  ): Promise<{ readonly operator: Operator; readonly session: SessionStanding } | undefined> {
    const secret = readSessionCookie(request)
    if (secret === undefined) return undefined
    const digest = digestOf(secret)
    const row = await this.#read(digest)
    if (!row) return undefined
    if (isUse && row.isTouchDue) await this.#touch(row.id, digest)
    return {
      operator: Object.freeze({
        id: row.operator,
        name: row.name,
        role: row.role as OperatorRole,
        ...(row.accessGroup !== null && { accessGroup: row.accessGroup }),
      }),
      session: { id: row.id, expiresAt: new Date(row.endsAt) },
    }
  }

  /** What names the session that a request brings, without opening it; undefined where it brings none. */
  digestIn(request: Pick<HttpRequest, 'headers' | 'host' | 'origin'>): string | undefined {
    const secret = readSessionCookie(request)
    return secret === undefined ? undefined : digestOf(secret)
  }

  /** Ends the session that a digest names, if it is good. */
  async endNamed(digest: string): Promise<void> {
    const row = await this.#read(digest)
    if (row) await this.end(row.id, null)
  }

  /**
   * Ends a session; on this node at once.
   * @param operator only one of theirs; null: of anybody
   * @param runner of a transaction: `forget` has to be called when it has committed
   */
  async end(id: string, operator: string | null, runner: Runner = this.#database.driver) {
    // others PostgreSQL might not even compare
    if (!/^[\w-]{1,100}$/.test(id)) return undefined
    const ended = await revokeSession(runner, this.#database.schema, id, operator)
    if (ended) this.forget()
    return ended
  }

  /** Asks the database again, whoever comes: something has been changed by this node. */
  forget(): void {
    this.#forgotten += 1
    this.#kept.clear()
  }

  async #read(digest: string): Promise<SessionRow | undefined> {
    const kept = this.#kept.get(digest)
    if (kept && performance.now() < kept.until) return kept.row
    this.#kept.delete(digest)
    const until = performance.now() + keptMs
    const forgotten = this.#forgotten
    const row = await this.#rows.find(digest)
    // what was read before a change is good for this request, and for none after it
    if (row && forgotten === this.#forgotten) this.#keep(digest, { row, until })
    return row
  }

  #keep(digest: string, kept: Kept): void {
    const now = performance.now()
    for (const [other, { until }] of this.#kept) {
      if (until > now && this.#kept.size < maxKept) break
      this.#kept.delete(other)
    }
    this.#kept.set(digest, kept)
  }

  async #touch(id: string, digest: string): Promise<void> {
    // what is kept says that it is due
    this.#kept.delete(digest)
    await touchSession(this.#database.driver, this.#database.schema, id)
  }
}
