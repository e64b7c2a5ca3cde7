import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

interface Asked {
  readonly challenge: string
  readonly nonce: string
  readonly redirectUri: string
  readonly clientId: string
}

/**
 * An OpenID Connect provider: discovery, authorization code flow with PKCE, keys. It holds those who ask to the rules, and is
 * told by a test how to break them itself.
 */
export async function startProvider(
  t: TestContext,
  { secretIn = 'header' }: { readonly secretIn?: 'header' | 'body' } = {},
) {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig', alg: 'RS256' }] }
  const codes = new Map<string, Asked>()
  /** What the next token says beside what it has to. */
  const behaviour: { claims: Record<string, unknown>; deny: boolean; iss?: string } = {
    claims: {},
    deny: false,
  }
  const secret = 'a secret: with / in it'

  const server = createServer((request, response) => {
    void answer(request).then(({ status = 200, location, body }) => {
      response.writeHead(status, { ...(location && { location }), 'content-type': 'application/json' })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as { port: number }).port}/realm`

  async function answer(
    request: IncomingMessage,
  ): Promise<{ status?: number; location?: string; body?: unknown }> {
    const url = new URL(request.url ?? '', issuer)
    if (url.pathname === '/realm/.well-known/openid-configuration')
      return {
        body: {
          issuer,
          authorization_endpoint: `${issuer}/authorize?tenant=1`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          ...(secretIn === 'body' && { token_endpoint_auth_methods_supported: ['client_secret_post'] }),
        },
      }
    if (url.pathname === '/realm/keys') return { body: jwks }
    if (url.pathname === '/realm/authorize') return authorize(url.searchParams)
    if (url.pathname === '/realm/token') return redeem(request, new URLSearchParams(await text(request)))
    return { status: 404 }
  }

  function authorize(query: URLSearchParams) {
    const get = (name: string) => query.get(name) ?? ''
    if (
      get('response_type') !== 'code' ||
      get('tenant') !== '1' ||
      !get('scope').split(' ').includes('openid')
    )
      return { status: 400 }
    if (get('code_challenge_method') !== 'S256' || get('state').length < 43 || get('nonce').length < 43)
      return { status: 400 }
    const back = new URL(get('redirect_uri'))
    back.searchParams.set('state', get('state'))
    back.searchParams.set('session_state', 'of no interest')
    back.searchParams.set('iss', behaviour.iss ?? issuer)
    if (behaviour.deny) back.searchParams.set('error', 'access_denied')
    else {
      const code = randomUUID()
      codes.set(code, {
        challenge: get('code_challenge'),
        nonce: get('nonce'),
        redirectUri: get('redirect_uri'),
        clientId: get('client_id'),
      })
      back.searchParams.set('code', code)
    }
    return { status: 302, location: back.href }
  }

  async function redeem(request: IncomingMessage, form: URLSearchParams) {
    const asked = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const basic = `Basic ${btoa(['coatcheck', secret].map(encodeURIComponent).join(':'))}`
    const isClient =
      secretIn === 'header' ? request.headers.authorization === basic : form.get('client_secret') === secret
    if (!isClient) return { status: 401, body: { error: 'invalid_client' } }
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (!asked || asked.challenge !== challenge || asked.redirectUri !== form.get('redirect_uri'))
      return { status: 400, body: { error: 'invalid_grant' } }
    const now = Math.floor(Date.now() / 1_000)
    const claims = {
      iss: issuer,
      aud: asked.clientId,
      sub: 'u-1',
      nonce: asked.nonce,
      iat: now,
      exp: now + 300,
    }
    const token = await new SignJWT({ ...claims, ...behaviour.claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(privateKey)
    return { body: { access_token: 'x', token_type: 'Bearer', id_token: token } }
  }

  return { issuer, secret, behaviour }
}
