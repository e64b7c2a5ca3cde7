import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { freshDatabase, testDatabase } from '../databases.ts'

const main = join(import.meta.dirname, '..', '..', 'examples', 'directory-sync', 'main.ts')
const isEmbedded = testDatabase().kind === 'pglite'

/** A database of its own, as the example is told of it. */
async function setup() {
  if (!isEmbedded) return { environment: { DATABASE_URL: await freshDatabase() }, place: [] }
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-directory-sync-'))
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  return { environment: { DATABASE_URL: '' }, place: ['--directory', directory] }
}

type Setup = Awaited<ReturnType<typeof setup>>

/** Starts the example as `npm start` does. */
function start({ environment, place }: Setup, ...options: string[]) {
  const args = [main, ...place, '--port', '0', '--partner-port', '0', ...options]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  after(() => child.kill('SIGKILL'))
  const ended = once(child, 'close') as Promise<[number | null]>
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      child.emit('said')
    })
  /** Waits until it has said something. */
  async function said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(output)
      if (match) return match
      const [end] = await Promise.race([once(child, 'said'), ended.then(() => ['end'])])
      assert.ok(
        end !== 'end' || pattern.test(output),
        `It ended without saying ${String(pattern)}:\n${output}`,
      )
    }
  }
  return {
    said,
    end: async (signal?: NodeJS.Signals) => {
      if (signal) child.kill(signal)
      const [code] = await ended
      return code
    },
    get output() {
      return output
    },
  }
}

/** The figures of the summary. */
function figures(output: string): Record<string, number> {
  const found = output.matchAll(/^ {2}(accepted|succeeded|retried|broken|in step) +([\d,]+)/gm)
  return Object.fromEntries([...found].map(([, name, figure]) => [name, Number(figure?.replaceAll(',', ''))]))
}

test('keeps the partner in step, and stays up with its services', { timeout: 180_000 }, async () => {
  const run = start(await setup(), '--records', '400', '--latency', '200')
  const [, url] = await run.said(/services +(http:\S+)/)
  const [, service] = await run.said(/curl -si .* (http:\S+look-up-subdivision) /)
  await run.said(/The services stay open/)
  const { retried, ...others } = figures(run.output)
  assert.deepEqual(others, { accepted: 411, succeeded: 411, broken: 0, 'in step': 400 })
  // every 50th change fails, and each of these is tried again
  assert.equal(retried, Math.floor((411 + (retried ?? 0)) / 50))
  assert.match(await (await fetch(`${url}`)).text(), /look-up-subdivision/)
  const headers = { 'content-type': 'application/json' }
  const accepted = await fetch(service!, { method: 'POST', headers, body: '{"code":"AD-02"}' })
  assert.equal(accepted.status, 202)
  const result = await fetch(new URL(`${accepted.headers.get('location')}/result?wait=20s`, url))
  assert.equal(result.status, 200)
  assert.deepEqual(await result.json(), {
    code: 'AD-02',
    name: 'Canillo',
    parent: 'AD',
    reference: 'R-AD-02',
  })
  assert.equal(await run.end('SIGTERM'), 0)
})

test(
  'a run that was stopped goes on, and one that is over is not repeated',
  { timeout: 180_000 },
  async () => {
    const place = await setup()
    const first = start(place, '--records', '400', '--latency', '400')
    await first.said(/[1-9]\d* of 411 done/)
    assert.equal(await first.end('SIGINT'), 0)
    assert.doesNotMatch(first.output, /is over/)
    const second = start(place, '--records', '400', '--latency', '200', '--once')
    assert.equal(await second.end(), 0)
    assert.match(
      second.output,
      /Run 1 of 400 records and 11 changes is under way: .* in the \d+ that are left/,
    )
    const { accepted, succeeded, 'in step': inStep } = figures(second.output)
    assert.deepEqual([accepted, succeeded, inStep], [411, 411, 400])
    assert.match(second.output, /\(\d+ here, \d+ elsewhere or before\)/)
    const third = start(place, '--once')
    assert.equal(await third.end(), 0)
    assert.match(third.output, /is over already; --fresh begins another/)
  },
)

const skip = isEmbedded && 'only one process can use an embedded database'
test('two processes on one database share the work', { timeout: 180_000, skip }, async () => {
  const place = await setup()
  const both = [0, 1].map(() => start(place, '--records', '400', '--latency', '200', '--once'))
  assert.deepEqual(await Promise.all(both.map((run) => run.end())), [0, 0])
  const outputs = both.map((run) => run.output)
  assert.equal(outputs.filter((output) => /are published/.test(output)).length, 1)
  for (const output of outputs) assert.equal(figures(output)['succeeded'], 411)
  const shares = outputs.map((output) => Number(/\((\d+) here/.exec(output)?.[1]))
  assert.equal(shares[0]! + shares[1]!, 411)
})
