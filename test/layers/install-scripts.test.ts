import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (name: string): unknown => JSON.parse(readFileSync(name, 'utf8'))

test('npm ci warns of no install script: package.json says of each whether it may run', () => {
  const { packages } = read('package-lock.json') as {
    packages: Record<string, { hasInstallScript?: true; optional?: true }>
  }
  const { allowScripts } = read('package.json') as { allowScripts: Record<string, boolean> }
  const withScript = Object.entries(packages)
    // what is optional is for one platform, and some of those nobody tries
    .filter(([, { hasInstallScript, optional }]) => hasInstallScript && !optional)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  assert.ok(withScript.length > 0)
  assert.deepEqual(
    withScript.filter((name) => !(name in allowScripts)),
    [],
  )
})
