import { durationMs, type Duration } from '../base/duration.ts'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import { closestName, unknownOption } from '../base/suggestion.ts'
import { checkCallbacks, type CallbackOptions, type CheckedCallbacks } from '../connect/callback-options.ts'
import type { AnyApplication } from '../define/application.ts'
import type { Registry } from '../define/definition.ts'
import { OptionReader } from '../define/option-reader.ts'
import { resolveApplications } from '../define/registry.ts'
import { isLocalHost } from '../http/listener.ts'
import type { AuthSettings } from '../http/sign-in.ts'
import { createLog, logLevel, logLevels, type Log } from '../observe/log.ts'
import type { Setting } from '../operate/setting.ts'
import type { DatabaseOptions } from '../store/database.ts'
import { checkAuth, type AuthOptions } from './auth-options.ts'
import {
  checkOperate,
  noOperateSettings,
  type OperateOptions,
  type OperateSettings,
} from './operate-options.ts'
import { describeSettings } from './settings.ts'

export type NodeType = 'web' | 'background'

export interface HttpOptions {
  /** `127.0.0.1` unless set. Without `auth` it has to be a loopback address. */
  readonly host?: string
  /** 3000, or a free one where that is taken, unless set; 0 takes a free one. */
  readonly port?: number
  /** Prefixes every path and link: `/integration`. */
  readonly basePath?: string
}

export interface NodeOptions {
  /** The stack: an earlier application overrides a later one's definition of the same name. */
  readonly applications: readonly AnyApplication[]
  /** A `postgres://` URL, a `pg` pool, or `embedded`; unset is embedded, but refused where `NODE_ENV` is `production`. */
  readonly database?: DatabaseOptions['database']
  /** The schema of our tables, a plain identifier; `coatcheck` unless set. */
  readonly schema?: string
  /** Where the embedded database lives; `.coatcheck/data` unless set. */
  readonly directory?: string
  /** `auto` (unless set) applies missing migrations; `check` refuses to start where some are missing. */
  readonly migrate?: 'auto' | 'check'
  /** What the node is for: `web` accepts over HTTP, `background` runs items; both unless set. */
  readonly nodeTypes?: readonly NodeType[]
  /** Where to listen, or false for nowhere. Only a `web` node listens. */
  readonly http?: HttpOptions | false
  /** Who may call over HTTP. Unless set only this machine may, outside production. */
  readonly auth?: AuthOptions
  /** Who signs in to the console by an OpenID Connect provider. Users and one-time links need no option. */
  readonly operate?: OperateOptions
  /** A label for logs and the console; the host's name unless set. */
  readonly name?: string
  /** Items that are finished and not yet settled, at most: as many may run again after a crash. 1–10,000; 500 unless set. */
  readonly maxUnsettled?: number
  /** How long `stop` lets handlers go on: 0 to 1 hour; 30 seconds unless set. */
  readonly stopTimeout?: Duration
  /** Posts the ends of queued service requests to those who ask for it; nobody can ask unless set. */
  readonly callbacks?: CallbackOptions
  /** A pino logger or one like it, or false for none; warnings as JSON lines on stderr unless set (`LOG_LEVEL` lowers it). */
  readonly log?: Log | false
  /** Prepare hot statements; switch off behind a PgBouncer older than 1.21 in transaction mode. On unless set. */
  readonly preparedStatements?: boolean
  /** Use LISTEN for hints; as `preparedStatements` unless set. Without it the node polls. */
  readonly listen?: boolean
}

const known = [
  'applications',
  'database',
  'schema',
  'directory',
  'migrate',
  'nodeTypes',
  'http',
  'auth',
  'operate',
  'name',
  'maxUnsettled',
  'stopTimeout',
  'callbacks',
  'log',
  'preparedStatements',
  'listen',
]
const knownHttp = ['host', 'port', 'basePath']

/** The options with their defaults, and the applications resolved. Frozen. */
export interface CheckedOptions {
  readonly registry: Registry
  readonly database: DatabaseOptions
  readonly nodeTypes: readonly NodeType[]
  readonly http: HttpOptions | false
  readonly auth: AuthSettings | undefined
  readonly operate: OperateSettings
  readonly name: string | undefined
  readonly maxUnsettled: number
  readonly stopTimeoutMs: number
  readonly callbacks: CheckedCallbacks | undefined
  readonly log: Log | undefined
  readonly preparedStatements: boolean
  /** All of it in words, for those who operate the node. */
  readonly settings: readonly Setting[]
}

/**
 * Checks the options of a node and resolves its applications.
 * @throws CoatcheckError `CONFIG_INVALID` that names all problems at once
 */
export function checkOptions(given: NodeOptions): CheckedOptions {
  const problems: string[] = []
  if (typeof given !== 'object' || given === null)
    throw invalid([`createNode takes an object of options, not ${showValue(given)}`])
  for (const name of Object.keys(given)) if (!known.includes(name)) problems.push(unknownOption(name, known))
  const applications: unknown = given.applications
  const resolved =
    Array.isArray(applications) && applications.length > 0
      ? resolveApplications(applications as AnyApplication[])
      : undefined
  if (!resolved)
    problems.push(
      `applications is ${showValue(applications)}; give a list of at least one defineApplication(…)`,
    )
  problems.push(...(resolved?.problems ?? []))
  checkDatabase(given.database, problems)
  const nodeTypes = checkTypes(given.nodeTypes, problems)
  const http = checkHttp(given.http, problems)
  const auth = readAuth(given, resolved?.registry, problems)
  const operate = readOperate(given, problems)
  // a host alone opens nothing to the world
  if (http && given.auth === undefined && nodeTypes.includes('web') && !isLocal(http.host))
    problems.push(
      `http.host is ${showValue(http.host)}, which others can reach, and there is no auth; set auth to say who may call, or leave http.host out to listen on 127.0.0.1`,
    )
  const maxUnsettled = given.maxUnsettled ?? 500
  if (!Number.isInteger(maxUnsettled) || maxUnsettled < 1 || maxUnsettled > 10_000)
    problems.push(
      `maxUnsettled is ${showValue(given.maxUnsettled)}; it must be a whole number from 1 to 10,000`,
    )
  const stopTimeoutMs = durationMs(given.stopTimeout ?? 30_000)
  if (stopTimeoutMs === undefined || stopTimeoutMs > 3_600_000)
    problems.push(
      `stopTimeout is ${showValue(given.stopTimeout)}; it must be a duration of at most 1 hour, such as '30s'`,
    )
  const callbacks = checkCallbacks(given.callbacks, (problem) => problems.push(problem))
  if (given.migrate !== undefined && given.migrate !== 'auto' && given.migrate !== 'check')
    problems.push(`migrate is ${showValue(given.migrate)}; it must be 'auto' or 'check'`)
  for (const name of ['preparedStatements', 'listen'] as const)
    if (given[name] !== undefined && typeof given[name] !== 'boolean')
      problems.push(`${name} is ${showValue(given[name])}; it must be true or false`)
  for (const name of ['schema', 'directory', 'name'] as const)
    if (given[name] !== undefined && (typeof given[name] !== 'string' || given[name] === ''))
      problems.push(`${name} is ${showValue(given[name])}; it must be text`)
  if (given.log !== undefined && given.log !== false && typeof (given.log as Log | null)?.warn !== 'function')
    problems.push(`log is ${showValue(given.log)}; give a logger with info, warn and error, or false`)
  if (given.log === undefined) checkLogLevel(problems)
  if (problems.length > 0 || !resolved) throw invalid(problems)
  const checked = {
    registry: resolved.registry,
    database: databaseOptions(given),
    nodeTypes,
    http,
    auth,
    operate,
    name: given.name,
    maxUnsettled,
    stopTimeoutMs: stopTimeoutMs as number,
    callbacks,
    log: given.log === false ? undefined : (given.log ?? createLog()),
    preparedStatements: given.preparedStatements ?? true,
  }
  return Object.freeze({ ...checked, settings: describeSettings(given, checked) })
}

function readAuth(given: NodeOptions, registry: Registry | undefined, problems: string[]) {
  const reader = new OptionReader({ auth: given.auth }, (problem) => problems.push(problem))
  const auth = reader.within('auth', '{ apiKeys: true }')
  return auth && checkAuth(auth, registry)
}

function readOperate(given: NodeOptions, problems: string[]): OperateSettings {
  const reader = new OptionReader({ operate: given.operate }, (problem) => problems.push(problem))
  const operate = reader.within('operate', '{ issuers: [ … ] }')
  return operate ? checkOperate(operate) : noOperateSettings
}

/** Of the default log alone: another one has its own levels. */
function checkLogLevel(problems: string[]): void {
  const level = logLevel()
  if (logLevels.includes(level)) return
  const closest = closestName(level, logLevels)
  const way = closest === undefined ? `it must be one of ${logLevels.join(', ')}` : `did you mean ${closest}?`
  problems.push(`the environment variable LOG_LEVEL is ${showValue(level)}; ${way}`)
}

function isLocal(host: unknown): boolean {
  return typeof host !== 'string' || isLocalHost(host)
}

function checkDatabase(given: unknown, problems: string[]): void {
  if (given === undefined || given === 'embedded') return
  const isPool =
    typeof given === 'object' &&
    given !== null &&
    typeof (given as { connect?: unknown }).connect === 'function'
  if (isPool || (typeof given === 'string' && /^postgres(ql)?:\/\//.test(given) && URL.canParse(given)))
    return
  // What was meant as a URL may hold a password.
  const shown = typeof given === 'string' ? showValue(given.replace(/:[^:@/]*@/, ':…@')) : showValue(given)
  problems.push(`database is ${shown}; it takes a postgres:// URL, 'embedded', or a pg pool`)
}

function databaseOptions(given: NodeOptions): DatabaseOptions {
  const { database, schema, directory, migrate, preparedStatements, listen } = given
  return {
    database,
    ...(schema === undefined ? {} : { schema }),
    ...(directory === undefined ? {} : { directory }),
    ...(migrate === undefined ? {} : { migrate }),
    ...(preparedStatements === undefined ? {} : { preparedStatements }),
    ...(listen === undefined ? {} : { listen }),
  }
}

/** The URL of a server that is reached by one. */
export function serverUrl({ database }: DatabaseOptions): string | undefined {
  return typeof database === 'string' && database !== 'embedded' ? database : undefined
}

function checkTypes(given: unknown, problems: string[]): readonly NodeType[] {
  if (given === undefined) return ['web', 'background']
  const list = Array.isArray(given) ? (given as unknown[]) : []
  if (list.length === 0)
    problems.push(`nodeTypes is ${showValue(given)}; give a list of 'web' and 'background'`)
  for (const type of list)
    if (type !== 'web' && type !== 'background')
      problems.push(`nodeTypes has ${showValue(type)}; the types are 'web' and 'background'`)
  return list as NodeType[]
}

function checkHttp(given: unknown, problems: string[]): HttpOptions | false {
  if (given === undefined) return {}
  if (given === false) return false
  if (typeof given !== 'object' || given === null) {
    problems.push(`http is ${showValue(given)}; give { host, port, basePath }, or false`)
    return false
  }
  const http = given as HttpOptions
  for (const name of Object.keys(http))
    if (!knownHttp.includes(name)) problems.push(unknownOption(name, knownHttp, 'http.'))
  const { port, basePath, host } = http
  if (port !== undefined && (!Number.isInteger(port) || port < 0 || port > 65_535))
    problems.push(`http.port is ${showValue(port)}; it must be a whole number from 0 to 65,535`)
  if (basePath !== undefined && (typeof basePath !== 'string' || !/^(\/[\w.~-]+)*\/?$/.test(basePath)))
    problems.push(`http.basePath is ${showValue(basePath)}; it must be a path such as '/integration'`)
  if (host !== undefined && typeof host !== 'string')
    problems.push(`http.host is ${showValue(host)}; it must be text`)
  return http
}

function invalid(problems: readonly string[]): CoatcheckError {
  const text =
    problems.length === 1
      ? (problems[0] as string)
      : `${problems.length} problems:\n${problems.map((problem) => `- ${problem}`).join('\n')}`
  return new CoatcheckError('CONFIG_INVALID', text, {
    errors: problems.map((detail) => ({ detail, pointer: '' })),
  })
}
