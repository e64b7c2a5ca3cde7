import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testDatabase } from '../databases.ts'

const database = testDatabase()
const skip =
  database.kind === 'pglite' ? 'graphile-worker needs a PostgreSQL to be measured beside us' : false
const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))

async function runBench(...flags: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [main, ...flags], {
    env: { ...process.env, ...(database.url ? { DATABASE_URL: database.url } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

describe('npm run bench -- --quick', { skip }, () => {
  for (const [claim, rows] of [
    ['append', 4],
    ['drain', 2],
    ['drain-tracked', 1],
    ['latency', 4],
    ['http', 3],
    ['http-cost', 3],
  ] as const)
    it(`measures ${claim} on both sides`, async () => {
      const { code, out, err } = await runBench('--quick', '--only', claim)
      assert.equal(code, 0, err)
      const measured = out
        .split('\n')
        .filter((line) => /^\| .+ \| [\d,.]+ \| [\d,.]+ \| [\d.]+× \|/.test(line))
      assert.equal(measured.length, rows, out)
    })

  it('measures the pages of operators', async () => {
    const { code, out, err } = await runBench('--quick', '--only', 'operate', '--rows', '5000')
    assert.equal(code, 0, err)
    assert.ok(out.split('\n').filter((line) => /^\| .+ \| \d+ \| \d+ \| ≤ \d+: /.test(line)).length > 50, out)
  })
})

it('refuses an unknown claim and a flag that it does not know', async () => {
  assert.equal((await runBench('--only', 'speed')).code, 2)
  assert.equal((await runBench('--fast')).code, 2)
})
