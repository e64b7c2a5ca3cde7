import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT, type JWTHeaderParameters } from 'jose'

/** An OpenID Connect provider as far as checking its tokens goes; a real process, which can be killed. Argument: its port. */
const { promise: listening, resolve } = Promise.withResolvers<void>()
let keyNumber = 0
let { kid, privateKey, jwks } = await createKey()
/** 0: it never answers. */
let status = 200
let named: string | undefined
const counts = { configuration: 0, keys: 0 }

async function createKey() {
  const pair = await generateKeyPair('RS256', { extractable: true })
  const name = `key-${process.pid}-${++keyNumber}`
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: name, use: 'sig', alg: 'RS256' }
  return { kid: name, privateKey: pair.privateKey, jwks: { keys: [jwk] } }
}

interface SignRequest {
  readonly claims: Record<string, unknown>
  readonly header?: JWTHeaderParameters
}

/** What tests tell it to do. */
const orders: Record<string, (body: never) => unknown> = {
  '/sign': async ({ claims, header }: SignRequest) => ({
    token: await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid, typ: 'at+jwt', ...header })
      .sign(privateKey),
  }),
  '/rotate': async () => ({ kid, privateKey, jwks } = await createKey()) && {},
  '/behave': (how: { status: number; named?: string }) => ({ status, named } = { named: undefined, ...how }),
  '/counts': () => counts,
}

const server = createServer((request, response) => {
  const answer = (code: number, body: unknown) =>
    code !== 0 && response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const issuer = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  if (request.method === 'GET') {
    if (request.url === '/.well-known/openid-configuration') {
      counts.configuration += 1
      return answer(status, { issuer: named ?? issuer, jwks_uri: `${issuer}/keys` })
    }
    counts.keys += 1
    return answer(request.url === '/keys' ? status : 404, jwks)
  }
  let text = ''
  request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  request.on('end', () => {
    void Promise.resolve(orders[request.url ?? '']?.(JSON.parse(text) as never)).then((body) =>
      answer(200, body),
    )
  })
  return undefined
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', resolve)
await listening
console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
