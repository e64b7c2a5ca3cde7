import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { freshDatabase, testDatabase } from '../databases.ts'

/** Starts an example that prints a curl with its key and URL, as a process of its own; ended when the file has. */
export async function startExample(name: string) {
  const directory = await mkdtemp(join(tmpdir(), `coatcheck-${name}-`))
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  const isEmbedded = testDatabase().kind === 'pglite'
  const main = join(import.meta.dirname, '..', '..', 'examples', name, 'main.ts')
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      DATABASE_URL: isEmbedded ? '' : await freshDatabase(),
      DIRECTORY: directory,
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  after(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const [, key] = /Bearer (\S+)'/.exec(line) ?? []
  const url = line.split(' ').at(-1) ?? ''
  assert.ok(key)
  return { child, key, url }
}
