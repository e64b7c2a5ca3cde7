import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a browser takes along to an issuer and brings back, so that the answer is the one to its own question. */
export interface Trip {
  /** Whose answer it waits for. */
  readonly issuerId: string
  /** Comes back in the address: the answer is to the question of this browser (RFC 6749, 10.12). */
  readonly state: string
  /** Comes back in the token: it was made for this question (OpenID Connect Core 1.0, 15.5.2). */
  readonly nonce: string
  /** Only who asked can have the code redeemed (RFC 7636). */
  readonly verifier: string
  /** The digest of the session that the browser had: it ends when it comes back, and its cookie is not sent from another site. */
  readonly session?: string
  /** Where in the console its user wanted to be. */
  readonly to?: string
}

/** A question takes so long at most. */
export const tripSeconds = 600

export function beginTrip(issuerId: string, session: string | undefined, to = ''): Trip {
  const random = (): string => randomBytes(32).toString('base64url')
  return {
    issuerId,
    state: random(),
    nonce: random(),
    verifier: random(),
    ...(session !== undefined && { session }),
    ...(to !== '' && { to }),
  }
}

/** A trip as a cookie holds it. */
export function writeTrip({ issuerId, state, nonce, verifier, session = '', to = '' }: Trip): string {
  return [issuerId, state, nonce, verifier, session, Buffer.from(to).toString('base64url')].join('.')
}

/** The trip that this answer ends; undefined where the browser began none, or another. */
export function endTrip(cookie: string | undefined, issuerId: string, state: string): Trip | undefined {
  const [whose, begun = '', nonce = '', verifier = '', session = '', to = '', ...more] =
    cookie?.split('.') ?? []
  if (whose !== issuerId || more.length > 0 || verifier === '' || nonce === '') return undefined
  if (session !== '' && !/^[0-9a-f]{64}$/.test(session)) return undefined
  if (!isSame(begun, state)) return undefined
  return {
    issuerId,
    state,
    nonce,
    verifier,
    ...(session !== '' && { session }),
    ...(to !== '' && { to: Buffer.from(to, 'base64url').toString() }),
  }
}

export function challengeOf({ verifier }: Trip): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length > 0 && a.length === b.length && timingSafeEqual(a, b)
}
