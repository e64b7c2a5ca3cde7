import assert from 'node:assert/strict'
import { test } from 'node:test'
import { surelyFits } from '../../src/http/surely-fits.ts'

test('a pattern that JSON Schema cannot read says nothing for certain', () => {
  // fine as /^\d+\-\d+$/, which is what Zod writes down; not with the flag u
  const schema = { type: 'string', pattern: String.raw`^\d+\-\d+$` }
  assert.equal(surelyFits(schema, '1-2'), false)
  assert.equal(surelyFits({ type: 'string', pattern: String.raw`^\d+-\d+$` }, '1-2'), true)
  assert.equal(surelyFits({ type: 'string', pattern: String.raw`^\d+-\d+$` }, '1-'), false)
})
