import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { closestName } from '../base/suggestion.ts'
import { apiKeysOf, type ApiKey, type ApiKeys } from '../http/api-keys.ts'
import type { RateOptions } from '../http/rate-options.ts'
import { auditOf } from '../operate/audit.ts'
import type { AuditEntry } from '../operate/route.ts'
import type { Runner } from '../store/driver.ts'
import { readServices } from '../store/topology.ts'
import { commandAuthor } from './command-author.ts'
import type { DatabaseFlags } from './configuration.ts'
import { withDatabase } from './existing-database.ts'
import { showTable } from './table.ts'

interface JsonFlag {
  readonly json?: boolean
}

export interface CreateKeyFlags extends DatabaseFlags, JsonFlag {
  readonly name: string
  readonly service?: readonly string[]
  readonly role?: readonly string[]
  readonly accessGroup?: string
  readonly expires?: string
  readonly rate?: RateOptions
}

/**
 * `coatcheck keys create`: makes an API key and shows it, once.
 * @throws CoatcheckError `OPTION_INVALID`, `SCHEMA_MISSING`, and what opening the database throws
 */
export async function createKey(flags: CreateKeyFlags): Promise<void> {
  const { name, service, role, accessGroup, expires, rate } = flags
  const created = await changeKeys(flags, async (keys, audit, checkServices) => {
    const made = await keys.create({
      name,
      ...(service && { services: service }),
      ...(role && { roles: role }),
      ...(accessGroup !== undefined && { accessGroup }),
      ...(expires !== undefined && { expires }),
      ...(rate && { rate }),
    })
    // what was made goes with the transaction, should this throw
    if (service) await checkServices(service)
    const { key: _key, id, ...after } = made
    await audit({ act: 'api-key.create', subject: 'api-key', subjectId: id, after })
    return made
  })
  if (flags.json) {
    console.log(JSON.stringify(created, undefined, 2))
    return
  }
  console.log(created.key)
  // on stderr, so that the key alone goes into a variable or a file
  console.error('This is the only time that the key is shown. It is sent as "Authorization: Bearer <key>".')
}

/**
 * `coatcheck keys list`: shows the API keys, without their secrets.
 * @throws as `createKey`
 */
export async function listKeys(flags: DatabaseFlags & JsonFlag): Promise<void> {
  const keys = await withKeys(flags, (all) => all.list())
  if (flags.json) console.log(JSON.stringify(keys, undefined, 2))
  else console.log(keys.length === 0 ? 'There are no API keys.' : showKeys(keys))
}

/**
 * `coatcheck keys revoke <id>`: ends an API key.
 * @throws CoatcheckError `API_KEY_NOT_FOUND`; as `createKey`
 */
export async function revokeKey(id: string, flags: DatabaseFlags): Promise<void> {
  await changeKeys(flags, async (keys, audit) => {
    await keys.revoke(id)
    await audit({ act: 'api-key.revoke', subject: 'api-key', subjectId: id })
  })
  console.log(`API key ${id} is revoked; within 5 seconds no node accepts it any more.`)
}

function withKeys<T>(flags: DatabaseFlags, work: (keys: ApiKeys) => Promise<T>): Promise<T> {
  return withDatabase(flags, (database) => work(apiKeysOf(database)))
}

/** A change of keys and its line in the audit, in one transaction. */
function changeKeys<T>(
  flags: DatabaseFlags,
  work: (
    keys: ApiKeys,
    audit: (entry: AuditEntry) => Promise<void>,
    checkServices: (names: readonly string[]) => Promise<void>,
  ) => Promise<T>,
): Promise<T> {
  return withDatabase(flags, (database) =>
    database.driver.transaction((tx) => {
      const keys = apiKeysOf({ driver: tx, schema: database.schema })
      return work(
        keys,
        (entry) => auditOf(database)(entry, commandAuthor(), tx),
        (names) => checkServices(tx, database.schema, names),
      )
    }),
  )
}

/** A key for a service that is not there would be refused wherever it is used, and nobody would know why. */
async function checkServices(runner: Runner, schema: string, names: readonly string[]): Promise<void> {
  const known = await readServices(runner, schema)
  if (known.length === 0) {
    console.error(
      `No node has made services known in the schema ${schema} so far: whether ${names.join(', ')} will be one could not be checked.`,
    )
    return
  }
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined) return
  const closest = closestName(unknown, known)
  const way = closest === undefined ? `the services are ${known.join(', ')}.` : `did you mean ${closest}?`
  throw new CoatcheckError(
    'OPTION_INVALID',
    `--service is ${showValue(unknown)}, which no node has made known in the schema ${schema}; ${way} A new service is known once a node that has it was started`,
  )
}

/** A line for each key, under their names. */
export function showKeys(keys: readonly ApiKey[]): string {
  const rows = keys.map(({ id, name, state, roles, services, accessGroup, expiresAt, lastUsedAt }) => [
    id,
    name,
    state,
    roles.join(' ') || '-',
    services?.join(' ') ?? 'all',
    accessGroup ?? '-',
    expiresAt?.toISOString().slice(0, 10) ?? 'never',
    lastUsedAt ? `${lastUsedAt.toISOString().slice(0, 16)}Z` : 'never',
  ])
  const heads = ['id', 'name', 'state', 'roles', 'services', 'access group', 'expires', 'last used']
  return showTable([heads, ...rows])
}
