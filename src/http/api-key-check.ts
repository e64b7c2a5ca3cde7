import { createHash } from 'node:crypto'
import { CoatcheckError } from '../base/errors.ts'
import { findApiKeys, touchApiKey, type ApiKeyRow } from '../store/api-keys.ts'
import type { OpenDatabase } from '../store/database.ts'
import { isSecretOf, readApiKey } from './api-key.ts'
import type { Caller } from './caller.ts'
import { GatheredLookUp } from './gathered-look-up.ts'
import type { Report } from './problem.ts'

/** A key that was revoked, or has expired, is refused after this at the latest, on every node. */
const keptMs = 3_000
const maxKept = 10_000

interface KeptCaller {
  readonly caller: Caller
  readonly until: number
}

/** Says whose an API key is. */
export class ApiKeyCheck {
  readonly #database: OpenDatabase
  readonly #report: Report
  /** By the digest of the whole key: a wrong secret is never in here, so it takes the way of an unknown key. */
  readonly #kept = new Map<string, KeptCaller>()
  readonly #rows: GatheredLookUp<ApiKeyRow>

  /** @param report told when the use of a key could not be noted */
  constructor(database: OpenDatabase, report: Report) {
    this.#database = database
    this.#report = report
    this.#rows = new GatheredLookUp(async (ids) => {
      const found = await findApiKeys(database.driver, database.schema, ids)
      return new Map(found.map((row) => [row.id, row]))
    })
  }

  /** @throws CoatcheckError `TOKEN_INVALID`; what the database throws */
  async callerOf(text: string): Promise<Caller> {
    const parts = readApiKey(text)
    if (!parts) throw refused('is not one: its form or its checksum is wrong')
    const digest = createHash('sha256').update(text).digest('base64url')
    const kept = this.#kept.get(digest)
    if (kept && performance.now() < kept.until) return kept.caller
    this.#kept.delete(digest)
    const askedAt = performance.now()
    const row = await this.#rows.find(parts.id)
    // what else is wrong is told only to who has the secret
    if (!isSecretOf(parts.secret, row?.digest) || !row) throw refused('is unknown')
    if (row.revokedAt !== null) throw refused('has been revoked')
    if (row.isExpired) throw refused('has expired')
    if (row.isTouchDue) await this.#touch(row.id)
    const caller = callerOf(row)
    this.#keep(digest, { caller, until: askedAt + keptMs })
    return caller
  }

  async #touch(id: string): Promise<void> {
    try {
      await touchApiKey(this.#database.driver, this.#database.schema, id)
    } catch (error) {
      this.#report(error)
    }
  }

  #keep(digest: string, kept: KeptCaller): void {
    const now = performance.now()
    // in the order of their ends, so that those which are over stand in front
    for (const [other, { until }] of this.#kept) {
      if (until > now && this.#kept.size < maxKept) break
      this.#kept.delete(other)
    }
    this.#kept.set(digest, kept)
  }
}

function refused(why: string): CoatcheckError {
  return new CoatcheckError('TOKEN_INVALID', `the API key ${why}`)
}

function callerOf({ id, name, roles, services, accessGroup, rate }: ApiKeyRow): Caller {
  return Object.freeze({
    kind: 'key',
    id: `key:${id}`,
    name,
    roles,
    ...(services && { services }),
    ...(accessGroup !== null && { accessGroup }),
    ...(rate && { rate }),
  })
}
