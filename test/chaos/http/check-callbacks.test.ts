import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import type { Received } from '../../http/receiver.ts'
import { checkCallbacks } from './check-callbacks.ts'

const secrets = [1, 2].map(() => `whsec_${randomBytes(32).toString('base64')}`)
const at = 1_800_000_000_000

function received(path: string, id: string, more: Partial<Received> = {}, signedWith = secrets): Received {
  const body = more.body ?? '{}'
  const signatures = signedWith.map((secret) => new Webhook(secret).sign(id, new Date(at), body))
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(at / 1_000),
    'webhook-signature': signatures.join(' '),
  }
  return { path, method: 'POST', headers, body, at, ...more }
}

test('what is signed by all secrets, with one id for each callback, has no fault', () => {
  const all = [received('/a', '1'), received('/a', '1'), received('/b', '2')]
  assert.deepEqual(checkCallbacks(all, secrets), { unsigned: 0, otherIds: 0, otherBodies: 0 })
})

test('a signature that is missing, of another body or of another time is seen', () => {
  const [first] = secrets
  const { headers } = received('/a', '1')
  const bad = [
    received('/a', '1', {}, [first ?? '']),
    { ...received('/a', '1'), body: '[]' },
    { ...received('/a', '1'), at: at + 6_000 },
    { ...received('/a', '1'), headers: { ...headers, 'webhook-timestamp': '' } },
  ]
  for (const one of bad) assert.equal(checkCallbacks([one], secrets).unsigned, 1)
})

test('an id that changes, one that two callbacks have, and a body that changes are seen', () => {
  assert.equal(checkCallbacks([received('/a', '1'), received('/a', '2')], secrets).otherIds, 1)
  assert.equal(checkCallbacks([received('/a', '1'), received('/b', '1')], secrets).otherIds, 1)
  const bodies = [received('/a', '1', { body: '1' }), received('/a', '1', { body: '2' })]
  assert.equal(checkCallbacks(bodies, secrets).otherBodies, 1)
})
