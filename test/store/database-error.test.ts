import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { translateError } from '../../src/store/database-error.ts'

/** An error as the server sends it. */
function serverError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR' })
}

// A settle that such an error were left to would take it for something in its items that cannot be stored.
for (const [code, message] of [
  ['53100', 'could not extend file "base/5/16474": No space left on device'],
  ['53300', 'sorry, too many clients already'],
  ['58030', 'could not read block 3 in file "base/5/16474": Input/output error'],
] as const)
  test(`${code} is no fault of the statement: it may be sent again`, () => {
    const { error, broken } = translateError(serverError(code, message), true)
    assert.ok(isCoatcheckError(error, 'DATABASE_UNREACHABLE'))
    assert.equal((error as Error & { ambiguous?: boolean }).ambiguous, false)
    assert.match(error.message, new RegExp(message.slice(0, 12)))
    assert.equal(broken, false)
  })

test('a violated constraint is left as it is', () => {
  const given = serverError('23505', 'duplicate key value violates unique constraint "tracked_item_pkey"')
  assert.equal(translateError(given, false).error, given)
})
