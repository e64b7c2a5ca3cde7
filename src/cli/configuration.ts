import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isDeclared } from '../define/declared.ts'
import { readProperty } from '../define/read-property.ts'
import type { NodeOptions, NodeType } from '../node/options.ts'
import { describeError } from './sentence.ts'

/** Options of every command. */
export interface DatabaseFlags {
  readonly database?: string
  readonly schema?: string
  readonly directory?: string
}

/** Options of commands that run or check a node. */
export interface NodeFlags extends DatabaseFlags {
  readonly host?: string
  readonly port?: number
  readonly types?: readonly string[]
}

/** `--database`, else `DATABASE_URL`, else nothing, which is embedded. An empty variable is one that is not set. */
export function databaseOf(flags: DatabaseFlags): string | undefined {
  return flags.database ?? (process.env['DATABASE_URL'] || undefined)
}

/**
 * The database of a command that must not make one, as opening an embedded one does.
 * @throws Error that says where none is
 */
export function existingDatabase(flags: DatabaseFlags): string | undefined {
  const database = databaseOf(flags)
  const { directory = '.coatcheck/data' } = flags
  if ((database === undefined || database === 'embedded') && !existsSync(directory))
    throw new Error(
      `There is no embedded database in ${directory}; name one with --directory, or another database with --database or DATABASE_URL.`,
    )
  return database
}

/**
 * The configuration that a module exports: as `default` or `config`, options of a node, applications or an application;
 * or as `applications`. Flags override it.
 * @throws Error that says in a sentence what is wrong with the module
 */
export async function loadConfiguration(module: string, flags: NodeFlags): Promise<NodeOptions> {
  const exported = await importModule(module)
  for (const name of ['default', 'config', 'applications']) {
    const options = asOptions(readProperty(exported, name))
    if (options) return withFlags(options, flags)
  }
  throw new Error(
    `${module} exports no configuration; export one as default: defineApplication({ … }), or { applications: [ … ], … }`,
  )
}

async function importModule(module: string): Promise<unknown> {
  try {
    return (await import(pathToFileURL(resolve(module)).href)) as unknown
  } catch (error) {
    throw new Error(`${module} cannot be imported: ${describeError(error)}`, { cause: error })
  }
}

function asOptions(exported: unknown): NodeOptions | undefined {
  if (typeof exported !== 'object' || exported === null) return undefined
  if (isDeclared(exported)) return { applications: [exported] as unknown as NodeOptions['applications'] }
  if (Array.isArray(exported)) return { applications: exported as NodeOptions['applications'] }
  return exported as NodeOptions
}

function withFlags(options: NodeOptions, flags: NodeFlags): NodeOptions {
  const { schema, directory, host, port, types } = flags
  const database = flags.database ?? options.database ?? databaseOf(flags)
  const http = {
    ...(options.http || undefined),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
  }
  const callbacks = callbacksOf(options.callbacks)
  const isOff = options.http === false && host === undefined && port === undefined
  return {
    ...options,
    ...(database !== undefined && { database }),
    ...(schema !== undefined && { schema }),
    ...(directory !== undefined && { directory }),
    ...(types !== undefined && { nodeTypes: types as NodeType[] }),
    ...(!isOff && { http }),
    ...(callbacks !== undefined && { callbacks }),
  }
}

/** What `COATCHECK_CALLBACK_SECRETS` and `COATCHECK_CALLBACK_ALLOW_HOSTS` say, where the configuration does not. */
function callbacksOf(given: NodeOptions['callbacks']): NodeOptions['callbacks'] {
  const secrets = listIn('COATCHECK_CALLBACK_SECRETS')
  const allowHosts = listIn('COATCHECK_CALLBACK_ALLOW_HOSTS')
  // anything but an object is for the check of the options to refuse
  const isOpen = given === undefined ? secrets !== undefined : typeof given === 'object' && given !== null
  if (!isOpen) return given
  return {
    ...(secrets && { secrets }),
    ...(allowHosts && { allowHosts }),
    ...given,
  } as NodeOptions['callbacks']
}

/** A list in an environment variable, parted by commas or blanks; an empty variable is one that is not set. */
function listIn(variable: string): string[] | undefined {
  const list = (process.env[variable] ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  return list.length > 0 ? list : undefined
}
