import type { Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { copyOptions } from '../define/declared.ts'
import { OptionReader } from '../define/option-reader.ts'
import {
  findApiKeys,
  insertApiKey,
  listApiKeys,
  revokeApiKey,
  type ApiKeyRow,
  type NewApiKeyRow,
} from '../store/api-keys.ts'
import type { Runner } from '../store/driver.ts'
import { createApiKey } from './api-key.ts'
import type { Rate } from './caller.ts'
import { readRate, type RateOptions } from './rate-options.ts'

export interface CreateApiKeyOptions {
  /** Who it is for: 1–255 characters. Stands with its items as `context.operator`. */
  readonly name: string
  /**
   * What it may do beside its own: `observer`, `operator` and `administrator` see items of others; all else are roles that
   * services ask for. None unless set.
   */
  readonly roles?: readonly string[]
  /** The only services that it may call, each as `application/service`; all unless set. */
  readonly services?: readonly string[]
  /** Stands with its items as `context.accessGroup`. One that sees items of others sees those of this group only. */
  readonly accessGroup?: string
  /** For how long it is good: 1 minute to 10 years; until it is revoked unless set. */
  readonly expires?: Duration
  /** Its own limit in place of the node's. */
  readonly rate?: RateOptions
}

/** An API key, without its secret. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly services?: readonly string[]
  readonly accessGroup?: string
  /** `windowMs` in milliseconds. */
  readonly rate?: Rate
  readonly state: 'active' | 'expired' | 'revoked'
  readonly createdAt: Date
  readonly expiresAt?: Date
  /** To about five minutes. */
  readonly lastUsedAt?: Date
  readonly revokedAt?: Date
}

export interface CreatedApiKey extends ApiKey {
  /** What the caller sends. It is kept nowhere: who loses it needs another. */
  readonly key: string
}

/** API keys: who may call services over HTTP. They are good on all nodes of a database and schema. */
export interface ApiKeys {
  /**
   * Makes a key.
   * @throws CoatcheckError `OPTION_INVALID`, with all problems at once
   * @example
   * const { key } = await node.apiKeys.create({ name: 'payroll', services: ['hr/hire-worker'], expires: '90 days' })
   */
  create(options: CreateApiKeyOptions): Promise<CreatedApiKey>
  /** All keys, the oldest first; those that were revoked too. */
  list(): Promise<ApiKey[]>
  /**
   * Ends a key: within 5 seconds no node accepts it any more. Again is fine.
   * @throws CoatcheckError `API_KEY_NOT_FOUND`
   */
  revoke(id: string): Promise<void>
}

const minute = 60_000
const tenYears = 3650 * 86_400_000

/** Where the keys are: a database, or a transaction of it. */
export interface ApiKeysPlace {
  readonly driver: Runner
  readonly schema: string
}

/** The API keys of a database. */
export function apiKeysOf({ driver, schema }: ApiKeysPlace): ApiKeys {
  return {
    async create(options) {
      const { row, expiresInMs } = checkNewKey(options)
      const { id, key, digest } = createApiKey()
      await insertApiKey(driver, schema, { ...row, id, digest }, expiresInMs)
      const [made] = await findApiKeys(driver, schema, [id])
      if (!made) throw new CoatcheckError('API_KEY_NOT_FOUND', `API key ${id} was deleted just now`)
      return { ...toApiKey(made), key }
    },
    async list() {
      return (await listApiKeys(driver, schema)).map(toApiKey)
    },
    async revoke(id) {
      if (!(await revokeApiKey(driver, schema, String(id))))
        throw new CoatcheckError(
          'API_KEY_NOT_FOUND',
          `there is no API key ${showValue(id)}; its id is the part of the key between the two underscores`,
        )
    },
  }
}

function checkNewKey(given: CreateApiKeyOptions) {
  const options = copyOptions(given)
  if (!options)
    throw new CoatcheckError(
      'OPTION_INVALID',
      `create was given ${showValue(given)}; give an object, such as { name: 'payroll' }`,
    )
  const problems: string[] = []
  const checked = readNewKey(new OptionReader(options, (problem) => problems.push(problem)))
  if (problems.length > 0)
    throw new CoatcheckError('OPTION_INVALID', problems.join('; '), {
      errors: problems.map((detail) => ({ detail, pointer: '' })),
    })
  return checked
}

function readNewKey(reader: OptionReader) {
  reader.onlyKnown(['name', 'roles', 'services', 'accessGroup', 'expires', 'rate'], {
    role: 'did you mean "roles"?',
    service: 'did you mean "services"?',
  })
  const name = reader.text('name')
  if (!reader.isSet('name')) reader.refuse('name', 'say who the key is for')
  const roles = reader.texts('roles', `['operator']`)
  const services = reader.texts('services', `['hr/hire-worker']`)
  for (const service of services ?? [])
    if (!/^[a-z][a-z0-9-]{0,62}\/[a-z][a-z0-9-]{0,62}$/.test(service))
      reader.refuse('services', `${showValue(service)} is no application/service, such as hr/hire-worker`)
  const expires = { from: minute, to: tenYears, unless: tenYears, words: '1 minute to 10 years' }
  const row: Omit<NewApiKeyRow, 'id' | 'digest'> = {
    name: name ?? '',
    roles: roles ?? [],
    services: services ?? null,
    accessGroup: reader.text('accessGroup') ?? null,
    rate: readRate(reader) ?? null,
  }
  return { row, expiresInMs: reader.isSet('expires') ? reader.duration('expires', expires) : null }
}

/** A key as it is shown. */
export function toApiKey(row: ApiKeyRow): ApiKey {
  return Object.freeze({
    id: row.id,
    name: row.name,
    roles: row.roles,
    ...(row.services && { services: row.services }),
    ...(row.accessGroup !== null && { accessGroup: row.accessGroup }),
    ...(row.rate && { rate: row.rate }),
    state: row.revokedAt === null ? (row.isExpired ? 'expired' : 'active') : 'revoked',
    createdAt: new Date(row.createdAt),
    ...(row.expiresAt !== null && { expiresAt: new Date(row.expiresAt) }),
    ...(row.lastUsedAt !== null && { lastUsedAt: new Date(row.lastUsedAt) }),
    ...(row.revokedAt !== null && { revokedAt: new Date(row.revokedAt) }),
  })
}
