import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { problemOfSecret, signWebhook, verifyWebhook } from '../../src/connect/webhook-signature.ts'
import { WebhookVerificationError } from '../../src/index.ts'

const makeSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`
const id = '019342aa-0000-8000-8000-000000000000'
const seconds = () => Math.floor(Date.now() / 1000)

function headersFor(secrets: readonly string[], body: string, at = seconds()): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': signWebhook(secrets, { id, seconds: at, body }),
  }
}

/** The letter of base64 behind one that ends 32 bytes: the bits in which they differ belong to no byte. */
function nextLetter(letter = ''): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return letters[letters.indexOf(letter) + 1] ?? ''
}

test('the reference library takes what we sign, and we take what it signs', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 24, max: 64 }), (value, bytes) => {
      const secret = makeSecret(bytes)
      const body = JSON.stringify(value)
      assert.deepEqual(new Webhook(secret).verify(body, headersFor([secret], body)), JSON.parse(body))
      const at = new Date()
      const theirs = {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign('msg_1', at, body),
      }
      assert.deepEqual(verifyWebhook(secret, theirs, body), JSON.parse(body))
      assert.deepEqual(verifyWebhook(secret, new Headers(theirs), Buffer.from(body)), JSON.parse(body))
    }),
    { numRuns: 100 },
  )
})

test('while secrets are changed both old and new receivers take it, and so does one who knows both', () => {
  const [old, fresh, other] = [makeSecret(), makeSecret(), makeSecret()]
  const headers = headersFor([fresh, old], '{}')
  assert.equal(headers['webhook-signature']?.split(' ').length, 2)
  for (const secret of [old, fresh]) {
    assert.deepEqual(new Webhook(secret).verify('{}', headers), {})
    assert.deepEqual(verifyWebhook(secret, headers, '{}'), {})
    assert.deepEqual(verifyWebhook([other, secret], headersFor([old, fresh], '{}'), '{}'), {})
  }
  assert.throws(() => verifyWebhook(other, headers, '{}'), WebhookVerificationError)
})

test('nothing altered, old or without its headers is taken', () => {
  const secret = makeSecret()
  const body = '{"type":"queue-item.succeeded"}'
  const good = headersFor([secret], body)
  assert.deepEqual(verifyWebhook(secret, good, body), JSON.parse(body))
  const refused = (headers: Record<string, string>, sent = body, says = /webhook-/) =>
    assert.throws(() => verifyWebhook(secret, headers, sent), {
      name: 'WebhookVerificationError',
      message: says,
    })
  for (const name of Object.keys(good)) {
    const { [name]: _gone, ...rest } = good
    refused(rest, body, new RegExp(`${name} is missing`))
    refused({ ...good, [name]: '' }, body, new RegExp(`${name} is missing`))
  }
  refused({ ...good, 'webhook-id': 'another' })
  refused({ ...good, 'webhook-timestamp': String(seconds() + 1) })
  refused({ ...good, 'webhook-timestamp': 'NaN' }, body, /no number/)
  refused({ ...good, 'webhook-timestamp': '1e10' }, body, /no number/)
  refused(headersFor([secret], body, seconds() - 301), body, /300 seconds/)
  refused(headersFor([secret], body, seconds() + 302), body, /300 seconds/)
  const signature = good['webhook-signature'] ?? ''
  for (const bad of [
    '',
    'v1',
    'v1,',
    'v1,AAAA',
    'v2,x',
    signature.slice(3),
    signature.replace('v1,', 'v1a,'),
    'v1,*',
  ])
    refused({ ...good, 'webhook-signature': bad })
  // the same bytes in other letters: base64 can be read in more ways than it is written
  const encoded = signature.slice(3)
  for (const other of [
    encoded.replace('=', ''),
    `${encoded}=`,
    encoded.replace('=', '['),
    `${encoded.slice(0, 9)}.${encoded.slice(9)}`,
    Buffer.from(encoded, 'base64').toString('base64url'),
    `${encoded.slice(0, -2)}${nextLetter(encoded.at(-2))}=`,
  ]) {
    assert.deepEqual(Buffer.from(other, 'base64'), Buffer.from(encoded, 'base64'), other)
    refused({ ...good, 'webhook-signature': `v1,${other}` }, body, /does not fit/)
  }
  refused(good, `${body} `)
  // among others that do not fit, as from a sender who changes secrets
  verifyWebhook(secret, { ...good, 'webhook-signature': `v1a,zzz v1,AAAA ${signature}` }, body)
  verifyWebhook(secret, headersFor([secret], body, seconds() - 299), body)
  verifyWebhook(secret, headersFor([secret], body, 1_000), body, { now: new Date(1_000_000) })
  assert.throws(
    () => verifyWebhook(secret, good, body, { toleranceSeconds: Number.NaN }),
    WebhookVerificationError,
  )
  assert.throws(() => verifyWebhook(secret, good, body, { now: new Date('x') }), WebhookVerificationError)
  verifyWebhook(secret, Object.fromEntries(Object.entries(good).map(([k, v]) => [k.toUpperCase(), v])), body)
})

test('of 10,000 that were tampered with none is taken, of 10,000 true ones all', () => {
  const secret = makeSecret()
  const bodies = fc.string({ maxLength: 60 }).map((text) => JSON.stringify(text))
  fc.assert(
    fc.property(bodies, fc.nat(), fc.integer({ min: 1, max: 255 }), (body, where, change) => {
      const headers = headersFor([secret], body)
      verifyWebhook(secret, headers, body)
      const bytes = Buffer.from(body)
      const at = where % bytes.length
      bytes[at] = (bytes[at] ?? 0) ^ change
      assert.throws(() => verifyWebhook(secret, headers, bytes), WebhookVerificationError)
      const signature = Buffer.from((headers['webhook-signature'] ?? '').slice(3), 'base64')
      const spot = where % signature.length
      signature[spot] = (signature[spot] ?? 0) ^ change
      const forged = { ...headers, 'webhook-signature': `v1,${signature.toString('base64')}` }
      assert.throws(() => verifyWebhook(secret, forged, body), WebhookVerificationError)
    }),
    { numRuns: 10_000 },
  )
})

test('what is no secret is told without being shown', () => {
  const bad: [unknown, RegExp][] = [
    ['sesame', /does not begin with whsec_/],
    ['whsec_', /is not base64/],
    ['whsec_!!!!', /is not base64/],
    [makeSecret(23), /has 23 bytes; it takes 24 to 64/],
    [makeSecret(65), /has 65 bytes/],
    [`${makeSecret()} `, /is not base64/],
    [7, /is no text, but a number/],
    [null, /null/],
  ]
  for (const [secret, says] of bad) {
    assert.match(problemOfSecret(secret) ?? '', says)
    assert.throws(
      () => verifyWebhook(secret as string, {}, '{}'),
      (error) => error instanceof TypeError && !error.message.includes('sesame'),
    )
  }
  for (const bytes of [24, 32, 64]) assert.equal(problemOfSecret(makeSecret(bytes)), undefined)
  assert.throws(() => verifyWebhook([], {}, '{}'), TypeError)
})
