import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { buildConsole } from '../../scripts/console-build.ts'

const maxBytes = 150_000

test('the whole console is at most 150 kB, compressed', async (t) => {
  await buildConsole({ ifStale: true })
  const dist = join(import.meta.dirname, '..', '..', 'console', 'dist')
  const sizes = globSync('**/*.{html,js,css,svg,woff2}', { cwd: dist }).map(
    (file) => [file, gzipSync(readFileSync(join(dist, file))).length] as const,
  )
  assert.ok(sizes.some(([file]) => file.endsWith('.js')) && sizes.some(([file]) => file.endsWith('.css')))
  const bytes = sizes.reduce((sum, [, size]) => sum + size, 0)
  t.diagnostic(`${bytes} bytes`)
  assert.ok(bytes <= maxBytes, `${bytes} bytes: ${sizes.map(([file, size]) => `${file} ${size}`).join(', ')}`)
})
