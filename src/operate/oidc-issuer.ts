import { CoatcheckError } from '../base/errors.ts'
import { endpointIn, fetchJson, readConfiguration } from '../http/issuer-keys.ts'
import type { Report } from '../http/problem.ts'
import {
  claimOf,
  readName,
  readRoles,
  TokenCheck,
  tokenAlgorithms,
  type Claims,
} from '../http/token-check.ts'
import { challengeOf, isSame, type Trip } from './oidc-trip.ts'
import { operatorRoles, type Operator, type OperatorRole } from './operator.ts'

/** An OpenID Connect provider whose users are operators. */
export interface OperatorIssuer {
  /** Stands in addresses. */
  readonly id: string
  /** Stands on the button. */
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
  readonly scope: string
  /** The claim with what `roles` knows, or its path. */
  readonly rolesClaim: string
  /** Which role is whose: by a value of the claim. */
  readonly roles: ReadonlyMap<string, OperatorRole>
  readonly accessGroupClaim?: string
}

interface Endpoints {
  readonly authorize: string
  readonly token: string
  /** Whether the secret goes into the body: the issuer does not take it in a header. */
  readonly isSecretInBody: boolean
}

const freshMs = 10 * 60_000
/** An issuer that did not answer is left alone for so long. */
const coolDownMs = 5_000

/** Signs people in by an OpenID Connect provider: the authorization code flow, with PKCE. */
export class OidcIssuer {
  readonly settings: OperatorIssuer
  readonly #tokens: TokenCheck
  readonly #report: Report
  #endpoints: { readonly found: Promise<Endpoints>; readonly until: number } | undefined

  constructor(settings: OperatorIssuer, report: Report) {
    const { issuer, clientId } = settings
    this.settings = settings
    this.#report = report
    this.#tokens = new TokenCheck([{ issuer, audience: [clientId], algorithms: tokenAlgorithms }], { report })
  }

  /**
   * Where a browser is sent to.
   * @throws CoatcheckError `ISSUER_UNREACHABLE`
   */
  async addressFor(trip: Trip, redirectUri: string): Promise<string> {
    const { clientId, scope } = this.settings
    const { authorize } = await this.#reach(() => this.#find())
    const address = new URL(authorize)
    const query = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope,
      state: trip.state,
      nonce: trip.nonce,
      code_challenge: challengeOf(trip),
      code_challenge_method: 'S256',
    }
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value)
    return address.href
  }

  /**
   * Who came back with a code.
   * @throws CoatcheckError `ISSUER_UNREACHABLE`, `TOKEN_INVALID`, `SIGN_IN_REFUSED`
   */
  async operatorOf(code: string, trip: Trip, redirectUri: string): Promise<Operator> {
    const token = await this.#reach(() => this.#redeem(code, trip, redirectUri))
    const claims = await this.#tokens.claimsOf(token)
    const { clientId } = this.settings
    const { nonce, aud, azp } = claims
    if (typeof nonce !== 'string' || !isSame(nonce, trip.nonce))
      throw refused('the token is not for this sign-in')
    // made for us beside others: then it says who asked for it (OpenID Connect Core 1.0, 3.1.3.7)
    if ((Array.isArray(aud) && aud.length > 1) || azp !== undefined)
      if (azp !== clientId) throw refused('the token is for another client')
    return this.#operatorIn(claims)
  }

  #operatorIn(claims: Claims): Operator {
    const { issuer, rolesClaim, roles, accessGroupClaim } = this.settings
    const subject = readName(claims, 'sub')
    const known = readRoles(claimOf(claims, rolesClaim)).map((value) => roles.get(value))
    const role = operatorRoles.findLast((each) => known.includes(each))
    if (role === undefined)
      throw refused(`the claim ${rolesClaim} of ${subject} holds nothing that makes an operator here`)
    const accessGroup = accessGroupClaim === undefined ? undefined : readName(claims, accessGroupClaim)
    return {
      id: `${issuer}#${subject}`,
      name: nameIn(claims) ?? subject,
      role,
      ...(accessGroup !== undefined && { accessGroup }),
    }
  }

  async #redeem(code: string, trip: Trip, redirectUri: string): Promise<string> {
    const { clientId, clientSecret } = this.settings
    const { token, isSecretInBody } = await this.#find()
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: clientId,
      code_verifier: trip.verifier,
    })
    if (clientSecret !== undefined && isSecretInBody) body.set('client_secret', clientSecret)
    // each part is written as a form would be (RFC 6749, 2.3.1)
    const basic = [clientId, clientSecret ?? ''].map((part) => encodeURIComponent(part)).join(':')
    const headers =
      clientSecret !== undefined && !isSecretInBody
        ? { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }
        : {}
    const { id_token: idToken } = await fetchJson(token, { method: 'POST', body, headers })
    if (typeof idToken === 'string') return idToken
    throw new Error(`${token} gave no id_token; is openid among the scopes?`)
  }

  #find(): Promise<Endpoints> {
    const now = performance.now()
    if (this.#endpoints && now < this.#endpoints.until) return this.#endpoints.found
    const found = readEndpoints(this.settings.issuer)
    this.#endpoints = { found, until: now + freshMs }
    // what failed is asked for again, but not by everybody who comes
    found.catch(() => (this.#endpoints = { found, until: performance.now() + coolDownMs }))
    return found
  }

  async #reach<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#report(error)
      throw new CoatcheckError(
        'ISSUER_UNREACHABLE',
        `${this.settings.name} does not answer as it should, so nobody can sign in there just now`,
        { cause: error, retryAfterMs: coolDownMs },
      )
    }
  }
}

async function readEndpoints(issuer: string): Promise<Endpoints> {
  const configuration = await readConfiguration(issuer)
  const methods = configuration['token_endpoint_auth_methods_supported']
  return {
    authorize: endpointIn(configuration, 'authorization_endpoint', issuer),
    token: endpointIn(configuration, 'token_endpoint', issuer),
    // unless it says otherwise it takes a header (OpenID Connect Discovery 1.0, 3)
    isSecretInBody:
      Array.isArray(methods) &&
      !methods.includes('client_secret_basic') &&
      methods.includes('client_secret_post'),
  }
}

/** The first that says how a person is called. */
function nameIn(claims: Claims): string | undefined {
  for (const claim of ['name', 'preferred_username', 'email']) {
    const value = claims[claim]
    if (typeof value === 'string' && /^[^\p{Cc}]{1,200}$/u.test(value) && value.isWellFormed()) return value
  }
  return undefined
}

function refused(detail: string): CoatcheckError {
  return new CoatcheckError('SIGN_IN_REFUSED', detail)
}
