import { CoatcheckError } from '../base/errors.ts'
import type { OpenDatabase } from '../store/database.ts'
import { ApiKeyCheck } from './api-key-check.ts'
import { apiKeyPrefix } from './api-key.ts'
import { anonymousCaller, signInRequired, type Caller, type Rate } from './caller.ts'
import type { HttpRequest } from './message.ts'
import type { Report } from './problem.ts'
import { TokenCheck, type TokenIssuer } from './token-check.ts'

/** Who may call: the option `auth` of a node, checked. */
export interface AuthSettings {
  readonly apiKeys: boolean
  readonly issuers: readonly TokenIssuer[]
  /** Services that answer without credentials, each as `application/service`. */
  readonly anonymousServices: readonly string[]
  /** What each caller may ask, unless its key says otherwise; unset: as much as it likes. */
  readonly rate?: Rate
}

/** Finds out who sent a request. */
export interface SignIn {
  /** @throws CoatcheckError `SIGN_IN_REQUIRED`, `TOKEN_INVALID`, `ISSUER_UNREACHABLE`; what the database throws */
  callerOf(request: Pick<HttpRequest, 'headers'>): Promise<Caller>
}

/** Signing in by `Authorization: Bearer` (RFC 6750, 2.1), with an API key or a token. */
export function createSignIn(auth: AuthSettings, database: OpenDatabase, report: Report): SignIn {
  const keys = auth.apiKeys ? new ApiKeyCheck(database, report) : undefined
  const tokens = auth.issuers.length > 0 ? new TokenCheck(auth.issuers, { report }) : undefined
  const anonymous = auth.anonymousServices.length > 0 ? anonymousCaller(auth.anonymousServices) : undefined
  return {
    async callerOf(request) {
      const header = request.headers.get('authorization')
      if (header === null) {
        if (anonymous) return anonymous
        throw signInRequired()
      }
      const [, token] = /^bearer +([\w.~+/-]+=*) *$/i.exec(header) ?? []
      // wrong credentials are never as good as none
      if (token === undefined) throw refused('Authorization is not of the form "Bearer …"')
      if (token.startsWith(apiKeyPrefix)) {
        if (keys) return keys.callerOf(token)
        throw refused('API keys are not accepted here')
      }
      if (tokens) return tokens.callerOf(token)
      throw refused('what was sent as a Bearer token is no API key')
    },
  }
}

function refused(detail: string): CoatcheckError {
  return new CoatcheckError('TOKEN_INVALID', detail)
}

/** `WWW-Authenticate` of an error, where it has one (RFC 6750, 3): without an error code where nothing was sent. */
export function challengeOf(code: string, detail: string): Record<string, string> {
  const scheme = 'Bearer realm="coatcheck"'
  // what may stand in a description: neither quotes nor backslashes, and ASCII only
  const description = `error_description="${detail.replaceAll(/["\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?')}"`
  if (code === 'SIGN_IN_REQUIRED' || code === 'SIGN_IN_REFUSED') return { 'www-authenticate': scheme }
  if (code === 'TOKEN_INVALID')
    return { 'www-authenticate': `${scheme}, error="invalid_token", ${description}` }
  if (code === 'FORBIDDEN')
    return { 'www-authenticate': `${scheme}, error="insufficient_scope", ${description}` }
  return {}
}
