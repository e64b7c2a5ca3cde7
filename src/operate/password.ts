import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { Slots } from './slots.ts'

interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** One of the costs that the OWASP Password Storage Cheat Sheet names as equal; N = 2^17, p = 1 takes 128 MB a guess, this 32. */
const cost: Cost = { N: 2 ** 15, r: 8, p: 3 }
const hashBytes = 32
/** Whoever guesses takes neither the processors nor the memory of the work. */
const slots = new Slots(2, 30)

/**
 * The hash of a password, with its parameters and salt: `scrypt$32768$8$3$salt$hash`.
 * @throws CoatcheckError `RATE_LIMITED` while too many are being made
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, cost)
  return written(cost, salt.toString('base64url'), hash.toString('base64url'))
}

/** Stands in for the password of a user who is not there, or has none: nobody knows what would give 32 zeros. */
const noPassword = written(cost, 'AAAAAAAAAAAAAAAAAAAAAA', 'A'.repeat(43))

/**
 * Whether a password is the one whose hash is kept; as slowly where none is kept.
 * @throws CoatcheckError `RATE_LIMITED` while too many are being checked
 */
export async function isPassword(password: string, kept: string | null | undefined): Promise<boolean> {
  const [, N = '', r = '', p = '', salt = '', hash = ''] = (kept ?? noPassword).split('$')
  const parameters = { N: Number(N), r: Number(r), p: Number(p) }
  const given = await derive(password, Buffer.from(salt, 'base64url'), parameters)
  return timingSafeEqual(given, Buffer.from(hash, 'base64url'))
}

/** What is wrong with a new password; undefined where nothing is. */
export function problemOfPassword(password: string): string | undefined {
  const text = normal(password)
  if (text.length < 12) return 'is shorter than 12 characters; a few words are longer, and easier to remember'
  if (text.length > 256) return 'is longer than 256 characters'
  if (new Set(text).size < 5) return 'has fewer than 5 different characters'
  return undefined
}

function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  const options = { N, r, p, maxmem: 2 * 128 * N * r }
  return slots.run(
    () =>
      new Promise((resolve, reject) => {
        scrypt(normal(password), salt, hashBytes, options, (error, hash) =>
          error ? reject(error) : resolve(hash),
        )
      }),
  )
}

function written({ N, r, p }: Cost, salt: string, hash: string): string {
  return ['scrypt', N, r, p, salt, hash].join('$')
}

/** Keyboards write the same letter in more than one way (NIST SP 800-63B, 3.1.1.2). */
function normal(password: string): string {
  return password.normalize('NFKC')
}
