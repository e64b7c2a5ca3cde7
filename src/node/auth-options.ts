import { showValue } from '../base/shown-value.ts'
import { closestName } from '../base/suggestion.ts'
import type { Definition, Registry } from '../define/definition.ts'
import type { OptionReader } from '../define/option-reader.ts'
import { isSafeUrl } from '../http/issuer-keys.ts'
import { readRate, type RateOptions } from '../http/rate-options.ts'
import type { AuthSettings } from '../http/sign-in.ts'
import { tokenAlgorithms, type TokenAlgorithm, type TokenIssuer } from '../http/token-check.ts'

/** Who may call over HTTP. */
export interface AuthOptions {
  /** Whether API keys are accepted (`coatcheck keys create`, `node.apiKeys`); true unless set. */
  readonly apiKeys?: boolean
  /** Issuers whose tokens (JWT) are accepted; none unless set. */
  readonly jwt?: readonly TokenIssuerOptions[]
  /** What answers without credentials; nothing unless set. */
  readonly anonymous?: AnonymousOptions
  /** What each caller may ask, unless its key says otherwise; without a limit unless set. */
  readonly rate?: RateOptions
}

/** An OpenID Connect provider, or whoever else signs tokens with keys that it publishes. */
export interface TokenIssuerOptions {
  /** As `iss` of its tokens says, to the letter: `https://login.example.com/`. */
  readonly issuer: string
  /** The name of this node among those that the issuer makes tokens for: `aud` has to hold one of them. */
  readonly audience: string | readonly string[]
  /** Where its keys are; where its `/.well-known/openid-configuration` says unless set. */
  readonly jwksUri?: string
  /** All with public keys unless set. */
  readonly algorithms?: readonly TokenAlgorithm[]
  /** The claim with the caller's roles, or its path: `roles`, `realm_access.roles`, `scope`. Tokens give no roles unless set. */
  readonly rolesClaim?: string
  /** The claim with the caller's access group, or its path. A token without it is not accepted then. */
  readonly accessGroupClaim?: string
}

export interface AnonymousOptions {
  /** Services that everybody may call, each as `application/service`. */
  readonly services: readonly string[]
}

/** Reads who may call. What is wrong is reported; of a wrong option nothing is opened. */
export function checkAuth(reader: OptionReader, registry: Registry | undefined): AuthSettings {
  reader.onlyKnown(['apiKeys', 'jwt', 'anonymous', 'rate'], {
    keys: 'did you mean "auth.apiKeys"?',
    oidc: 'did you mean "auth.jwt"?',
  })
  const apiKeys = reader.flag('apiKeys', true)
  const issuers = readIssuers(reader)
  if (!apiKeys && reader.options['jwt'] === undefined)
    reader.refuse('apiKeys', 'nobody could sign in then; leave it out, or set auth.jwt')
  const anonymous = reader.within('anonymous', `{ services: ['hr/apply'] }`)
  anonymous?.onlyKnown(['services'])
  const rate = readRate(reader)
  return Object.freeze({
    apiKeys,
    issuers,
    anonymousServices: anonymous ? readAnonymous(anonymous, registry) : [],
    ...(rate && { rate }),
  })
}

function readIssuers(reader: OptionReader): readonly TokenIssuer[] {
  const issuers = reader.eachWithin('jwt', `[{ issuer: 'https://login.example.com', audience: 'coatcheck' }]`)
  const read = issuers?.flatMap((each) => readIssuer(each) ?? []) ?? []
  const names = read.map(({ issuer }) => issuer)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) reader.refuseUnseen('jwt', `has ${showValue(twice)} twice; give each issuer once`)
  return Object.freeze(read)
}

function readIssuer(reader: OptionReader): TokenIssuer | undefined {
  reader.onlyKnown(['issuer', 'audience', 'jwksUri', 'algorithms', 'rolesClaim', 'accessGroupClaim'], {
    audiences: 'did you mean "audience"? It takes a list, too',
    jwks: 'did you mean "jwksUri"?',
    jwks_uri: 'did you mean "jwksUri"?',
  })
  const issuer = readUrl(reader, 'issuer')
  const jwksUri = reader.isSet('jwksUri') ? readUrl(reader, 'jwksUri') : undefined
  const audience =
    typeof reader.options['audience'] === 'string'
      ? reader.text('audience')
      : reader.texts('audience', `'coatcheck' or ['coatcheck', 'hr']`)
  if (!reader.isSet('audience'))
    reader.refuse(
      'audience',
      'tokens that were made for others would be accepted; say what "aud" has to hold',
    )
  const rolesClaim = reader.text('rolesClaim')
  const accessGroupClaim = reader.text('accessGroupClaim')
  const algorithms = readAlgorithms(reader)
  if (issuer === undefined || audience === undefined) return undefined
  return Object.freeze({
    issuer,
    audience: typeof audience === 'string' ? [audience] : audience,
    algorithms,
    ...(jwksUri !== undefined && { jwksUri }),
    ...(rolesClaim !== undefined && { rolesClaim }),
    ...(accessGroupClaim !== undefined && { accessGroupClaim }),
  })
}

function readUrl(reader: OptionReader, name: string): string | undefined {
  const url = reader.options[name]
  if (typeof url === 'string' && isSafeUrl(url) && !url.includes('#')) return url
  const way = 'write a URL that begins with https:// (http:// only of this machine)'
  if (typeof url === 'string' && url.includes('@'))
    reader.refuseUnseen(name, `holds a user or a password; ${way}, without them`)
  else reader.refuse(name, way)
  return undefined
}

function readAlgorithms(reader: OptionReader): readonly TokenAlgorithm[] {
  const given = reader.texts('algorithms', `['RS256']`)
  if (!given) return tokenAlgorithms
  const isKnown = (name: string): name is TokenAlgorithm => tokenAlgorithms.some((known) => known === name)
  const wrong = given.find((name) => !isKnown(name))
  if (wrong !== undefined) {
    const why = /^(?:none|HS\d+)$/i.test(wrong)
      ? `with ${showValue(wrong)} everybody could make tokens who can check them`
      : `${showValue(wrong)} is not known`
    reader.refuse('algorithms', `${why}; the algorithms are ${tokenAlgorithms.join(', ')}`)
  }
  return given.filter(isKnown)
}

function readAnonymous(reader: OptionReader, registry: Registry | undefined): readonly string[] {
  const services = reader.texts('services', `['hr/apply']`)
  if (!reader.isSet('services'))
    reader.refuse('services', `list what everybody may call, such as ['hr/apply'], or leave anonymous out`)
  if (!services || !registry) return []
  const known = new Map<string, Definition>()
  for (const definition of registry.definitions.values())
    if (definition.service) known.set(`${definition.application}/${definition.name}`, definition)
  for (const name of services) {
    const definition = known.get(name)
    const closest = closestName(name, [...known.keys()])
    const way = closest === undefined ? 'write application/service' : `did you mean ${showValue(closest)}?`
    if (!definition) reader.refuse('services', `there is no service ${showValue(name)}; ${way}`)
    if (definition?.service?.roles)
      reader.refuse('services', `${showValue(name)} wants a role, and who is not known has none`)
  }
  return services
}
