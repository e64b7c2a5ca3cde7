import { hostname } from 'node:os'
import { packageVersion } from '../base/version.ts'
import { tokenAlgorithms } from '../http/token-check.ts'
import type { Setting } from '../operate/setting.ts'
import type { CheckedOptions, NodeOptions } from './options.ts'
import { redactUrl, shownDatabase } from './redacted-url.ts'

/** What is shown in the place of a secret. */
const hidden = '•••'

type Checked = Omit<CheckedOptions, 'settings'>
type Row = readonly [name: string, value: unknown, unless: string, isSet?: boolean]

/**
 * What a node is configured with, in words: every option that has an effect, with its value, and what it is unless set. Of what is
 * secret there is no more than that it is there.
 * @param given the options as they were given, which say what was set
 */
export function describeSettings(
  given: NodeOptions,
  checked: Checked,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Setting[] {
  const groups: readonly (readonly [group: string, rows: readonly Row[]])[] = [
    ['Node', nodeRows(given, checked, environment)],
    ['Database', databaseRows(given, checked)],
    ['HTTP', httpRows(given, checked)],
    ['Who may call', authRows(given, checked)],
    ['Who operates', operateRows(given, checked)],
    ['Callbacks', callbackRows(given, checked)],
    ['Log', logRows(given, environment)],
  ]
  return groups.flatMap(([group, rows]) =>
    rows.map(([name, value, unless, isSet = value !== undefined]) => ({
      name,
      group,
      value: value === undefined ? unless : inWords(value),
      unless,
      isSet,
      isOwn: ownNames.has(name),
    })),
  )
}

/** What two nodes have different without a difference in what they do. */
const ownNames = new Set(['name', 'http.host', 'http.port', 'directory'])

function nodeRows(
  given: NodeOptions,
  { nodeTypes, maxUnsettled, stopTimeoutMs, registry, name }: Checked,
  environment: Readonly<Record<string, string | undefined>>,
): Row[] {
  return [
    ['release', packageVersion, '', false],
    ['Node.js', process.versions.node, '', false],
    ['NODE_ENV', environment['NODE_ENV'], 'unset'],
    ['name', name ?? hostname(), "the host's name", name !== undefined],
    ['nodeTypes', nodeTypes, 'web, background', given.nodeTypes !== undefined],
    ['applications', registry.stack.map((application) => application.name), 'required', true],
    ['maxUnsettled', maxUnsettled, '500', given.maxUnsettled !== undefined],
    ['stopTimeout', duration(stopTimeoutMs), '30 s', given.stopTimeout !== undefined],
  ]
}

function databaseRows(given: NodeOptions, { database: options }: Checked): Row[] {
  const { database, schema, directory, migrate, preparedStatements = true, listen } = options
  const isEmbedded = database === undefined || database === 'embedded'
  const common: Row[] = [
    ['database', database === undefined ? undefined : shownDatabase(database), 'embedded'],
    ['schema', schema, 'coatcheck'],
    ['migrate', migrate, 'auto'],
  ]
  if (isEmbedded) return [...common, ['directory', directory, '.coatcheck/data']]
  return [
    ...common,
    ['preparedStatements', preparedStatements, 'true', given.preparedStatements !== undefined],
    ['listen', listen, `as preparedStatements: ${preparedStatements}`],
  ]
}

function httpRows(given: NodeOptions, { http, nodeTypes }: Checked): Row[] {
  if (http === false) return [['http', 'listens nowhere', 'listens', true]]
  const basePath: Row = ['http.basePath', http.basePath || undefined, 'none']
  if (!nodeTypes.includes('web'))
    return [['http', 'listens nowhere: it is no web node', 'listens', given.http !== undefined], basePath]
  return [
    ['http.host', http.host, '127.0.0.1'],
    ['http.port', http.port?.toString(), '3000, or a free one where that is taken'],
    basePath,
  ]
}

function authRows(given: NodeOptions, { auth }: Checked): Row[] {
  if (!auth) return [['auth', undefined, 'this machine alone, without credentials']]
  const { apiKeys, issuers, anonymousServices, rate } = auth
  return [
    ['auth.apiKeys', apiKeys, 'true', given.auth?.apiKeys !== undefined],
    ...(issuers.length === 0 ? [['auth.jwt', undefined, 'no issuers'] as const] : []),
    ...issuers.flatMap(
      ({ issuer, audience, jwksUri, algorithms, rolesClaim, accessGroupClaim }, at): Row[] => [
        [`auth.jwt[${at}].issuer`, redactUrl(issuer), 'required'],
        [`auth.jwt[${at}].audience`, audience, 'required'],
        [`auth.jwt[${at}].jwksUri`, jwksUri && redactUrl(jwksUri), 'as the issuer says'],
        [
          `auth.jwt[${at}].algorithms`,
          algorithms,
          'all with public keys',
          algorithms.length < tokenAlgorithms.length,
        ],
        [`auth.jwt[${at}].rolesClaim`, rolesClaim, 'tokens give no roles'],
        [`auth.jwt[${at}].accessGroupClaim`, accessGroupClaim, 'no access group'],
      ],
    ),
    [
      'auth.anonymous.services',
      anonymousServices.length > 0 ? anonymousServices : undefined,
      'nothing answers without credentials',
    ],
    ['auth.rate', rate && `${number(rate.quota)} requests in ${duration(rate.windowMs)}`, 'no limit'],
  ]
}

function operateRows(given: NodeOptions, { operate }: Checked): Row[] {
  const { issuers, url } = operate
  return [
    ['operate.url', url, 'as the request says'],
    ...(issuers.length === 0
      ? [['operate.issuers', undefined, 'no issuers: users and one-time links'] as const]
      : []),
    ...issuers.flatMap((one, at): Row[] => {
      const prefix = `operate.issuers[${at}]`
      const roles = Array.from(one.roles, ([value, role]) => `${value}: ${role}`)
      return [
        [`${prefix}.issuer`, redactUrl(one.issuer), 'required'],
        [`${prefix}.name`, one.name, 'required'],
        [`${prefix}.id`, one.id, 'made of the name', given.operate?.issuers?.[at]?.id !== undefined],
        [`${prefix}.clientId`, one.clientId, 'required'],
        [`${prefix}.clientSecret`, one.clientSecret && hidden, 'a public client'],
        [`${prefix}.scope`, one.scope, 'openid profile email', one.scope !== 'openid profile email'],
        [`${prefix}.rolesClaim`, one.rolesClaim, 'required'],
        [`${prefix}.roles`, roles, 'required'],
        [`${prefix}.accessGroupClaim`, one.accessGroupClaim, 'sees all'],
      ]
    }),
  ]
}

function callbackRows({ callbacks: given }: NodeOptions, { callbacks }: Checked): Row[] {
  if (!callbacks || !given) return [['callbacks', undefined, 'nobody can ask for them']]
  const { secrets, ports, maxBodyBytes, timeoutMs, retry } = callbacks
  return [
    ['callbacks.secrets', secrets.map(() => hidden), 'required'],
    ['callbacks.allowHosts', given.allowHosts?.length ? given.allowHosts : undefined, 'public ones alone'],
    ['callbacks.ports', ports, '80, 443', given.ports !== undefined],
    ['callbacks.maxBody', `${number(maxBodyBytes / 1024)} kB`, '256 kB', given.maxBody !== undefined],
    ['callbacks.timeout', duration(timeoutMs), '20 s', given.timeout !== undefined],
    [
      'callbacks.retry',
      `${retry.maxAttempts} attempts`,
      '10 attempts within 75 hours',
      given.retry !== undefined,
    ],
  ]
}

function logRows({ log }: NodeOptions, environment: Readonly<Record<string, string | undefined>>): Row[] {
  if (log === false) return [['log', 'none', 'JSON lines on stderr']]
  const level: unknown = log === undefined ? environment['LOG_LEVEL'] : (log as { level?: unknown }).level
  return [
    ['log', log && 'a logger of yours', 'JSON lines on stderr'],
    [
      log ? 'level of the logger' : 'LOG_LEVEL',
      typeof level === 'string' ? level.slice(0, 20) : undefined,
      log ? 'its own' : 'warn',
    ],
  ]
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ')
  return typeof value === 'number' ? number(value) : String(value)
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** In the largest unit that leaves nothing over: `90 s`, `2 min`. */
function duration(ms: number): string {
  const [unit, size] = units.find(([, length]) => ms >= length && ms % length === 0) ?? ['ms', 1]
  return `${number(ms / size)} ${unit}`
}
