import { createLocalJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { Caller } from './caller.ts'
import { IssuerKeys } from './issuer-keys.ts'
import type { Report } from './problem.ts'

/** Signatures whose keys can be public. With HS256 the key that checks is the key that signs. */
export const tokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type TokenAlgorithm = (typeof tokenAlgorithms)[number]

/** An issuer of tokens that is trusted. */
export interface TokenIssuer {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly algorithms: readonly TokenAlgorithm[]
  readonly jwksUri?: string
  readonly rolesClaim?: string
  readonly accessGroupClaim?: string
}

interface TrustedIssuer extends TokenIssuer {
  readonly keys: IssuerKeys<JWTVerifyGetKey>
}

/** What a token says. */
export type Claims = Readonly<Record<string, unknown>>

/** How far clocks may differ. */
const leewaySeconds = 30

export interface TokenCheckOptions {
  readonly report: Report
  /** Milliseconds that only grow; the time of the process unless set. */
  readonly now?: () => number
}

/** Says whose a token (JWT, RFC 7519) is. Its signature is checked with keys of its issuer alone: none that the token names. */
export class TokenCheck {
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>

  constructor(issuers: readonly TokenIssuer[], { report, now = () => performance.now() }: TokenCheckOptions) {
    const read = (keySet: unknown) => createLocalJWKSet(keySet as Parameters<typeof createLocalJWKSet>[0])
    this.#issuers = new Map(
      issuers.map((issuer) => [
        issuer.issuer,
        { ...issuer, keys: new IssuerKeys({ ...issuer, read, report, now }) },
      ]),
    )
  }

  /** @throws CoatcheckError `TOKEN_INVALID`, `ISSUER_UNREACHABLE` */
  async callerOf(token: string): Promise<Caller> {
    const trusted = this.#issuerOf(token)
    return callerOf(await this.#verified(token, trusted), trusted)
  }

  /**
   * What a token says, once its signature, its times and whom it is for are checked.
   * @throws CoatcheckError `TOKEN_INVALID`, `ISSUER_UNREACHABLE`
   */
  async claimsOf(token: string): Promise<Claims> {
    return this.#verified(token, this.#issuerOf(token))
  }

  async #verified(token: string, trusted: TrustedIssuer): Promise<JWTPayload> {
    const keys = await trusted.keys.current()
    try {
      return await verify(token, keys, trusted)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusedBy(error)
    }
    const newer = await trusted.keys.newerThan(keys)
    if (!newer) throw refused('is signed with a key that its issuer does not have')
    try {
      return await verify(token, newer, trusted)
    } catch (error) {
      throw refusedBy(error)
    }
  }

  /** Who it says that it is from; nothing of it is believed before its signature is checked. */
  #issuerOf(token: string): TrustedIssuer {
    let issuer: unknown
    try {
      issuer = decodeJwt(token).iss
    } catch {
      throw refused('cannot be read; it is neither an API key nor a JWT')
    }
    const trusted = typeof issuer === 'string' ? this.#issuers.get(issuer) : undefined
    if (!trusted) throw refused(`is from an issuer that is not trusted here: ${showValue(issuer)}`)
    return trusted
  }
}

async function verify(token: string, keys: JWTVerifyGetKey, trusted: TrustedIssuer): Promise<JWTPayload> {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer: trusted.issuer,
    audience: [...trusted.audience],
    algorithms: [...trusted.algorithms],
    clockTolerance: leewaySeconds,
    requiredClaims: ['exp', 'sub'],
  })
  // such as a logout token (RFC 9068, 2.1; RFC 8725, 3.11)
  const { typ } = protectedHeader
  if (typ !== undefined && !/^(?:application\/)?(?:at\+)?jwt$/i.test(typ))
    throw refused(`is of another kind: its typ is ${showValue(typ)}`)
  return payload
}

function refusedBy(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return refused('has expired')
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`is not for here or not for now: its claim ${error.claim} does not fit`)
  if (error instanceof errors.JOSEAlgNotAllowed)
    return refused('is signed with an algorithm that is not accepted')
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return refused('names no key of its issuer')
  return error instanceof errors.JOSEError ? refused('has no signature that can be verified') : error
}

function refused(why: string): CoatcheckError {
  return new CoatcheckError('TOKEN_INVALID', `the token ${why}`)
}

function callerOf(payload: Claims, { issuer, rolesClaim, accessGroupClaim }: TrustedIssuer): Caller {
  const name = readName(payload, 'sub')
  const accessGroup = accessGroupClaim === undefined ? undefined : readName(payload, accessGroupClaim)
  return Object.freeze({
    kind: 'token',
    id: `${issuer}#${name}`,
    name,
    roles: rolesClaim === undefined ? [] : readRoles(claimOf(payload, rolesClaim)),
    ...(accessGroup !== undefined && { accessGroup }),
  })
}

/**
 * Texts that stand with the caller's items. An access group that is missing would otherwise mean every group.
 * @throws CoatcheckError `TOKEN_INVALID`
 */
export function readName(payload: Claims, claim: string): string {
  const value = claimOf(payload, claim)
  if (typeof value === 'string' && value.isWellFormed() && /^[^\p{Cc}]+$/u.test(value))
    if (Buffer.byteLength(value) <= 255) return value
  throw refused(`has no claim ${claim} of 1 to 255 bytes`)
}

/** A list of names, or names with spaces between them, as `scope` has (RFC 8693, 4.2). */
export function readRoles(value: unknown): string[] {
  const names: unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  return names.filter((name) => typeof name === 'string' && name !== '') as string[]
}

/** A claim by its name, or by its path: `realm_access.roles`. */
export function claimOf(payload: Claims, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim]
  let value: unknown = payload
  for (const step of claim.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}
