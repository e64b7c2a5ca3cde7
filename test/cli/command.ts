import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { freshDatabase, testDatabase } from '../databases.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
export const isEmbedded = testDatabase().kind === 'pglite'

/** The arguments that name a database nobody else uses. */
export async function databaseFlags(): Promise<string[]> {
  if (!isEmbedded) return ['--database', await freshDatabase()]
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-cli-'))
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  return ['--directory', join(directory, 'data')]
}

/** Starts `coatcheck` as a shell does. */
export function startCommand(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], {
    // nothing of the environment chooses a database
    env: { ...process.env, DATABASE_URL: '', NODE_ENV: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  after(() => child.kill('SIGKILL'))
  const output = { out: '', err: '' }
  const note = (name: 'out' | 'err') => (chunk: string) => {
    output[name] += chunk
    child.emit('said')
  }
  child.stdout.setEncoding('utf8').on('data', note('out'))
  child.stderr.setEncoding('utf8').on('data', note('err'))
  let isOver = false
  const ended = (once(child, 'close') as Promise<[number | null]>).then(([code]) => {
    isOver = true
    child.emit('said')
    return { code, ...output }
  })
  return {
    ended,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Waits until it has said something. */
    async said(pattern: RegExp): Promise<string> {
      for (;;) {
        const [, found] = pattern.exec(output.out) ?? []
        if (found !== undefined) return found
        if (isOver)
          throw new Error(`It ended without saying ${String(pattern)}:\n${output.out}\n${output.err}`)
        await once(child, 'said')
      }
    },
  }
}

/** Runs `coatcheck` to its end. */
export function runCommand(...args: string[]) {
  return startCommand(...args).ended
}
