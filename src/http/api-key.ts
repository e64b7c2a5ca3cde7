import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * An API key is `ck_<id>_<secret><checksum>`, of letters and digits: 12 for the id, which finds it in the database and is
 * shown in lists; 43 for a secret of 256 bits; 6 for the CRC-32 of all before it, by which a scanner of secrets tells a
 * real key from a word that looks like one.
 */
export interface ApiKeyParts {
  readonly id: string
  readonly secret: string
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const idLength = 12
const secretLength = 43
const checksumLength = 6
const pattern = /^(ck_([0-9A-Za-z]{12})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})$/

/** How every key of ours begins. */
export const apiKeyPrefix = 'ck_'

/** Makes a new key. It is shown to whoever asked for it, and only its digest is kept. */
export function createApiKey(): { readonly id: string; readonly key: string; readonly digest: string } {
  const id = inLetters(BigInt(`0x${randomBytes(16).toString('hex')}`), idLength)
  const secret = inLetters(BigInt(`0x${randomBytes(32).toString('hex')}`), secretLength)
  const head = `${apiKeyPrefix}${id}_${secret}`
  return { id, key: head + checksumOf(head), digest: digestOf(secret).toString('hex') }
}

/** Reads a key. Undefined where it is none: its form or its checksum is wrong, which anybody can compute. */
export function readApiKey(text: string): ApiKeyParts | undefined {
  const [, head, id, secret, checksum] = pattern.exec(text) ?? []
  if (head === undefined || id === undefined || secret === undefined) return undefined
  return checksumOf(head) === checksum ? { id, secret } : undefined
}

/** Stands in for the digest of a key that is not there, so that both take the same steps. */
const noDigest = Buffer.alloc(32)

/** Whether a secret is the one whose digest is kept; in the same time whatever it is, also where none is kept. */
export function isSecretOf(secret: string, digest: string | undefined): boolean {
  const kept = digest === undefined ? noDigest : Buffer.from(digest, 'hex')
  return timingSafeEqual(digestOf(secret), kept)
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function checksumOf(head: string): string {
  return inLetters(BigInt(crc32(head)), checksumLength)
}

/** The last `length` digits of a number in base 62. */
function inLetters(number: bigint, length: number): string {
  let text = ''
  for (let rest = number; text.length < length; rest /= 62n)
    text = (alphabet[Number(rest % 62n)] ?? '') + text
  return text
}
