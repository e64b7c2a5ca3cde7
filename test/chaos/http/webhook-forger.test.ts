import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { seededRandom } from '../seeded-random.ts'
import { WebhookForger, type ForgedWebhook } from './webhook-forger.ts'

/** What the library of Standard Webhooks says of one, for a receiver that knows both keys. */
function isTaken({ headers, body }: ForgedWebhook, secrets: readonly string[]): boolean {
  return secrets.some((secret) => {
    try {
      new Webhook(secret).verify(body, { ...headers })
      return true
    } catch {
      return false
    }
  })
}

test('what is to be refused the library of Standard Webhooks refuses, and takes the rest', () => {
  const forger = new WebhookForger(seededRandom(7))
  const kinds = new Set<string>()
  for (let times = 0; times < 3_000; times++) {
    const forged = forger.next()
    kinds.add(forged.kind)
    // The library reads the digits that it finds, and takes a time with something behind them.
    if (forged.kind === 'altered webhook-timestamp') continue
    assert.equal(isTaken(forged, forger.secrets), forged.fate !== 'refused', forged.kind)
  }
  assert.ok(kinds.size >= 20, [...kinds].join())
})

test('what is sent again has the id and the body of one before it, and what clashes the id alone', () => {
  const forger = new WebhookForger(seededRandom(8))
  const bodies = new Map<string, string>()
  for (let times = 0; times < 500; times++) {
    const { fate, headers, body } = forger.next()
    const id = headers['webhook-id'] ?? ''
    if (fate === 'new') bodies.set(id, body.toString())
    if (fate === 'repeated') assert.equal(bodies.get(id), body.toString())
    if (fate === 'clash') assert.notEqual(bodies.get(id) ?? body.toString(), body.toString())
  }
})
