import { showValue } from '../base/shown-value.ts'
import { copyOptions } from '../define/declared.ts'
import type { OptionReader } from '../define/option-reader.ts'
import { isSafeUrl } from '../http/issuer-keys.ts'
import type { OperatorIssuer } from '../operate/oidc-issuer.ts'
import { isOperatorRole } from '../operate/operator-sign-in.ts'
import { operatorRoles, type OperatorRole } from '../operate/operator.ts'

/** The console, and the API behind it. */
export interface OperateOptions {
  /** OpenID Connect providers whose users sign in to the console; none unless set. */
  readonly issuers?: readonly OperatorIssuerOptions[]
  /**
   * Where browsers find the node, without a path: `https://coatcheck.example.com`. What an issuer sends a browser back to begins
   * with it; as the request says unless set, which knows nothing of a proxy that ends TLS.
   */
  readonly url?: string
}

export interface OperatorIssuerOptions {
  /** As `iss` of its tokens says, to the letter: `https://login.example.com/`. */
  readonly issuer: string
  /** What this node is to the issuer. */
  readonly clientId: string
  /** Where the issuer gave one; a public client has none. */
  readonly clientSecret?: string
  /** Stands on the button: `Example Corp`. */
  readonly name: string
  /** Stands in addresses; made of the name unless set. */
  readonly id?: string
  /** `openid profile email` unless set; `openid` has to be among them. */
  readonly scope?: string
  /** The claim of the ID token, or its path, that `roles` knows the values of: `groups`, `realm_access.roles`. */
  readonly rolesClaim: string
  /** Who is what: by a value of that claim. Whoever has none of them is refused. */
  readonly roles: Readonly<Record<string, OperatorRole>>
  /** The claim with the access group that somebody sees alone, or its path. A token without it is refused then. */
  readonly accessGroupClaim?: string
}

/** The option `operate`, checked. */
export interface OperateSettings {
  readonly issuers: readonly OperatorIssuer[]
  readonly url: string | undefined
}

export const noOperateSettings: OperateSettings = Object.freeze({ issuers: [], url: undefined })

const exampleIssuer = `[{ issuer: 'https://login.example.com', clientId: 'coatcheck', name: 'Example', rolesClaim: 'groups', roles: { ops: 'operator' } }]`

/** Reads who operates. What is wrong is reported; of a wrong issuer nobody signs in. */
export function checkOperate(reader: OptionReader): OperateSettings {
  reader.onlyKnown(['issuers', 'url'], {
    oidc: 'did you mean "operate.issuers"?',
    jwt: 'did you mean "operate.issuers"?',
  })
  const read = reader.eachWithin('issuers', exampleIssuer)?.flatMap((each) => readIssuer(each) ?? []) ?? []
  const ids = read.map(({ id }) => id)
  const twice = ids.find((id, at) => ids.indexOf(id) !== at)
  if (twice !== undefined)
    reader.refuseUnseen('issuers', `has ${showValue(twice)} twice; give each an id of its own`)
  return Object.freeze({ issuers: Object.freeze(read), url: readOrigin(reader) })
}

function readOrigin(reader: OptionReader): string | undefined {
  const url = reader.options['url']
  if (url === undefined) return undefined
  if (typeof url === 'string' && isSafeUrl(url) && /^https?:\/\/[^/?#]+\/?$/.test(url))
    return new URL(url).origin
  reader.refuse('url', 'write https:// and a host, without a path: http.basePath has that')
  return undefined
}

function readIssuer(reader: OptionReader): OperatorIssuer | undefined {
  reader.onlyKnown(
    ['issuer', 'clientId', 'clientSecret', 'name', 'id', 'scope', 'rolesClaim', 'roles', 'accessGroupClaim'],
    {
      client_id: 'did you mean "clientId"?',
      audience: 'did you mean "clientId"?',
      scopes: 'did you mean "scope"?',
    },
  )
  const issuer = readUrl(reader)
  const [clientId, name, rolesClaim] = (['clientId', 'name', 'rolesClaim'] as const).map((option) => {
    if (!reader.isSet(option))
      reader.refuse(option, 'an issuer has issuer, clientId, name, rolesClaim and roles')
    return reader.text(option)
  })
  const clientSecret = reader.options['clientSecret']
  if (clientSecret !== undefined && (typeof clientSecret !== 'string' || clientSecret === ''))
    reader.refuseUnseen('clientSecret', 'is no text; leave it out where the issuer gave none')
  const roles = readRoles(reader)
  const id = readId(reader, name)
  const scope = readScope(reader)
  const accessGroupClaim = reader.text('accessGroupClaim')
  if (issuer === undefined || clientId === undefined || name === undefined || rolesClaim === undefined)
    return undefined
  if (!roles || id === undefined) return undefined
  return Object.freeze({
    id,
    name,
    issuer,
    clientId,
    ...(typeof clientSecret === 'string' && { clientSecret }),
    scope,
    rolesClaim,
    roles,
    ...(accessGroupClaim !== undefined && { accessGroupClaim }),
  })
}

function readUrl(reader: OptionReader): string | undefined {
  const url = reader.options['issuer']
  if (typeof url === 'string' && isSafeUrl(url) && !/[?#]/.test(url)) return url
  const way = 'write a URL that begins with https:// (http:// only of this machine)'
  if (typeof url === 'string' && url.includes('@'))
    reader.refuseUnseen('issuer', `holds a user or a password; ${way}, without them`)
  else reader.refuse('issuer', way)
  return undefined
}

function readId(reader: OptionReader, name: string | undefined): string | undefined {
  if (reader.isSet('id')) return reader.name('id')
  if (name === undefined) return undefined
  const made = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .replace(/-+$/, '')
    .slice(0, 63)
  if (made === '') reader.refuse('id', 'no id can be made of the name; write one, such as example')
  return made === '' ? undefined : made
}

function readScope(reader: OptionReader): string {
  const usual = 'openid profile email'
  const scope = reader.text('scope') ?? usual
  if (scope.split(' ').includes('openid')) return scope
  reader.refuse('scope', `without openid there is no ID token; write such as '${usual} groups'`)
  return usual
}

function readRoles(reader: OptionReader): ReadonlyMap<string, OperatorRole> | undefined {
  const given = copyOptions(reader.options['roles'])
  const entries = Object.entries(given ?? {})
  const way = `say whose role is which, such as { 'coatcheck-admins': 'administrator' }; the roles are ${operatorRoles.join(', ')}`
  if (entries.length === 0) {
    reader.refuse('roles', way)
    return undefined
  }
  const roles = new Map<string, OperatorRole>()
  for (const [value, role] of entries)
    if (isOperatorRole(role)) roles.set(value, role)
    else reader.refuseUnseen('roles', `says that ${showValue(value)} is ${showValue(role)}; ${way}`)
  return roles
}
