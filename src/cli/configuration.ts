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
  const isOff = options.http === false && host === undefined && port === undefined
  return {
    ...options,
    ...(database !== undefined && { database }),
    ...(schema !== undefined && { schema }),
    ...(directory !== undefined && { directory }),
    ...(types !== undefined && { nodeTypes: types as NodeType[] }),
    ...(!isOff && { http }),
  }
}
