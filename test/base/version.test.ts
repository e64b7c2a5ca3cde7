import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { checkNode } from '../../src/base/version.ts'

test('an older Node is refused with what it has to be, as package.json says', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } }
  assert.equal(engines.node, '>=22.18')
  for (const version of ['22.18.0', '22.20.1', '24.0.0']) checkNode(version)
  for (const version of ['20.20.2', '22.17.9', '18.0.0'])
    assert.throws(
      () => checkNode(version),
      (error) =>
        isCoatcheckError(error, 'CONFIG_INVALID') &&
        error.message.includes(`this is Node ${version}; Coatcheck needs 22.18`),
    )
})
