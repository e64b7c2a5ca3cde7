import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createApiKey, isSecretOf, readApiKey } from '../../src/http/api-key.ts'

test('a key has its id in it, a secret of 256 bits, and is unlike every other', () => {
  const made = Array.from({ length: 1000 }, () => createApiKey())
  for (const { id, key, digest } of made) {
    assert.match(key, /^ck_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    const read = readApiKey(key)
    assert.ok(read)
    assert.equal(read.id, id)
    // 43 letters of 62 are 256 bits
    assert.equal(read.secret.length, 43)
    assert.equal(digest, createHash('sha256').update(read.secret).digest('hex'))
    assert.ok(isSecretOf(read.secret, digest))
  }
  assert.equal(new Set(made.map(({ id }) => id)).size, 1000)
  assert.equal(new Set(made.map(({ digest }) => digest)).size, 1000)
  // every letter is used at every place: the secret is not a number with zeros in front
  for (let at = 0; at < 43; at++)
    assert.ok(new Set(made.map(({ key }) => key[16 + at])).size > 50, `place ${at}`)
})

test('one wrong letter anywhere, and it is no key', () => {
  const { key } = createApiKey()
  fc.assert(
    fc.property(
      fc.nat(key.length - 1),
      fc.constantFrom('0', '1', '9', 'a', 'k', 'z', 'A', 'Z', '_', '-', ' ', 'é'),
      (at, letter) =>
        key[at] === letter || readApiKey(key.slice(0, at) + letter + key.slice(at + 1)) === undefined,
    ),
    { numRuns: 2000 },
  )
  for (const text of ['', 'ck_', key.slice(0, -1), `${key}0`, ` ${key}`, `${key}\n`, key.toUpperCase()])
    assert.equal(readApiKey(text), undefined, JSON.stringify(text))
})

test('a secret is compared with a digest, and with none in the same way', () => {
  const { key, digest } = createApiKey()
  const other = createApiKey()
  const secret = readApiKey(key)?.secret ?? ''
  assert.equal(isSecretOf(secret, digest), true)
  assert.equal(isSecretOf(secret, other.digest), false)
  assert.equal(isSecretOf(secret, undefined), false)
  assert.equal(isSecretOf('', undefined), false)
})
