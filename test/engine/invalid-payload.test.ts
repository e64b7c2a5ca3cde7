import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callbackDefinition } from '../../src/engine/callback-item.ts'
import { invalidPayload } from '../../src/engine/prepare.ts'

test('of 20,000 members that do not fit, the first hundred are named and the others counted', () => {
  const issues = Array.from({ length: 20_000 }, (_, at) => ({ message: 'no number', path: [at] }))
  const { message, errors } = invalidPayload(callbackDefinition, issues)
  assert.match(message, /\/4: no number; and 19995 more$/)
  assert.equal(errors?.length, 100)
  assert.deepEqual(errors?.at(-1), { detail: 'no number', pointer: '/99' })
})
