import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits: nobody guesses them, so a fast hash of them is enough to keep. */
export function createSecret(): { readonly secret: string; readonly digest: string } {
  const secret = randomBytes(32).toString('base64url')
  return { secret, digest: digestOf(secret) }
}

/** SHA-256, in hexadecimal. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** What stands in lists for something that has a secret. */
export function createPublicId(): string {
  return randomBytes(9).toString('base64url')
}
