import { apiKeysOf, type ApiKey, type ApiKeys } from '../node/api-keys.ts'
import type { RateOptions } from '../node/auth-options.ts'
import { openDatabase } from '../store/database.ts'
import { existingDatabase, type DatabaseFlags } from './configuration.ts'
import { plain } from './sentence.ts'

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
  const created = await withKeys(flags, (keys) =>
    keys.create({
      name,
      ...(service && { services: service }),
      ...(role && { roles: role }),
      ...(accessGroup !== undefined && { accessGroup }),
      ...(expires !== undefined && { expires }),
      ...(rate && { rate }),
    }),
  )
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
  await withKeys(flags, (keys) => keys.revoke(id))
  console.log(`API key ${id} is revoked; within 5 seconds no node accepts it any more.`)
}

async function withKeys<T>(flags: DatabaseFlags, work: (keys: ApiKeys) => Promise<T>): Promise<T> {
  const { schema, directory } = flags
  const database = await openDatabase({
    database: existingDatabase(flags),
    ...(schema !== undefined && { schema }),
    ...(directory !== undefined && { directory }),
    // a schema is changed by who says so
    migrate: 'check',
  })
  try {
    return await work(apiKeysOf(database))
  } finally {
    await database.driver.close()
  }
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
  const all = [['id', 'name', 'state', 'roles', 'services', 'access group', 'expires', 'last used'], ...rows]
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) => plain(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).trimEnd())
    .join('\n')
}
