import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { createApplication } from '../../examples/update-work-object/application.ts'
import { createTable, lock, unlock } from '../../examples/update-work-object/work-objects.ts'
import type { Node } from '../../src/index.ts'
import { createTestNode } from '../../src/testing/testing.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { freshPlace } from './setup.ts'

const main = join(import.meta.dirname, '..', '..', 'examples', 'update-work-object', 'main.ts')

/** Starts the example; plays the commands that it prints, as somebody who copies them into a shell. */
async function startExample() {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-update-work-object-'))
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      DATABASE_URL: testDatabase().kind === 'pglite' ? '' : await freshDatabase(),
      DIRECTORY: join(directory, 'data'),
      PORT: '0',
      // where the ticket is kept
      TMPDIR: directory,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  after(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    child.emit('said')
  })
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(output)
      if (match) return match
      const what = await Promise.race([once(child, 'said'), once(child, 'exit').then(() => 'exit')])
      assert.notEqual(what, 'exit', `It ended without saying ${String(pattern)}:\n${output}`)
    }
  }
  await said(/^12\. .*\n.*\n/m)
  const steps = new Map(
    Array.from(output.matchAll(/^(\d+)\. .*\n((?: {2}\S.*\n)+)/gm), ([, step, commands]) => [step, commands]),
  )
  let ticket = ''
  const play = async (step: number) => {
    const commands = steps.get(String(step)) ?? ''
    const { stdout } = await promisify(execFile)('sh', ['-c', ticket + commands])
    ticket = /^ *ID=.*\n/m.exec(commands)?.[0] ?? ticket
    return answerOf(stdout)
  }
  const end = async () => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    return ended
  }
  return { play, said, end }
}

/** What `curl -i` printed. */
function answerOf(text: string) {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]))
  return { status: Number(line.split(' ')[1]), headers, body: JSON.parse(body) as Record<string, unknown> }
}

const skip = spawnSync('curl', ['--version']).error && 'curl is not installed'
test('both stories, command by command', { timeout: 120_000, skip }, async () => {
  const { play, said, end } = await startExample()

  const atOnce = await play(1)
  assert.equal(atOnce.status, 200)
  assert.deepEqual(atOnce.body, { id: 'C-1', status: 'open', version: 2 })
  assert.deepEqual((await play(2)).body, { id: 'C-1', status: 'open', version: 2, lockedBy: 'ada' })
  const queued = await play(3)
  const { id } = queued.body
  assert.equal(queued.status, 202)
  assert.equal(queued.body['state'], 'scheduled')
  assert.equal(queued.headers.get('location'), `/queue-items/${String(id)}`)
  assert.match(queued.headers.get('retry-after') ?? '', /^\d+$/)
  const waiting = await play(4)
  assert.equal(waiting.status, 200)
  const { attempts, ...others } = waiting.body
  assert.ok(Number(attempts) >= 1)
  assert.ok(['scheduled', 'ready', 'running'].includes(String(others['state'])))
  assert.deepEqual([others['queueItemId'], others['lastError']], [id, 'WORK_OBJECT_LOCKED'])
  const unknown = await play(5)
  assert.deepEqual([unknown.status, unknown.body['code']], [404, 'WORK_OBJECT_UNKNOWN'])
  assert.equal(unknown.headers.get('content-type'), 'application/problem+json')
  assert.equal(unknown.headers.get('location'), null)
  assert.equal((await play(6)).body['lockedBy'], null)
  const result = await play(7)
  assert.deepEqual([result.status, result.headers.get('coatcheck-item-state')], [200, 'succeeded'])
  // version 3, however often it was tried
  assert.deepEqual(result.body, { id: 'C-1', status: 'resolved', version: 3 })
  const fetched = await play(8)
  assert.ok(Number(fetched.body['attempts']) >= 2)
  assert.deepEqual(fetched.body, {
    queueItemId: id,
    state: 'succeeded',
    attempts: fetched.body['attempts'],
    result: result.body,
  })

  const later = await play(9)
  assert.deepEqual([later.status, later.body['state']], [202, 'ready'])
  assert.equal(later.headers.get('location'), `/queue-items/${String(later.body['id'])}`)
  assert.deepEqual((await play(10)).body, { id: 'C-2', status: 'open', version: 2 })
  const waitedFor = await play(11)
  assert.equal(waitedFor.status, 200)
  assert.equal(waitedFor.headers.get('preference-applied'), 'wait=10')
  assert.match(waitedFor.headers.get('content-location') ?? '', /^\/queue-items\/[0-9a-f-]{36}\/result$/)
  assert.deepEqual(waitedFor.body, { id: 'C-2', status: 'pending', version: 3 })
  const told = await play(12)
  assert.equal(told.status, 202)
  const [, document = ''] = await said(/^callback: queue-item\.succeeded (.*)\n/m)
  const { id: endedId, result: posted } = JSON.parse(document) as { id: string; result: unknown }
  assert.equal(endedId, told.body['id'])
  assert.deepEqual(posted, { id: 'C-2', status: 'resolved', version: 4 })

  assert.deepEqual(await end(), [0, null])
})

/** A node of the example, and a way to call its services. */
async function startNode(seenBy: (node: Node) => Node = (node) => node) {
  const place = testDatabase().kind === 'pglite' ? await freshPlace() : { database: await freshDatabase() }
  const node: Node & Awaited<ReturnType<typeof createTestNode>> = await createTestNode({
    applications: [createApplication(() => seenBy(node))],
    ...place,
    http: { port: 0 },
  })
  after(() => node.stop())
  await createTable(node)
  // the embedded database is that of the test before
  await node.query(`update work_object set status = 'new', version = 1, locked_by = null`)
  const call = async (service: string, input: object) => {
    const answer = await fetch(`${node.url}/services/cases/${service}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  return { node, call }
}

test('a lock that comes between reading and writing queues the update, and nothing is written', async () => {
  let isFirst = true
  const { node, call } = await startNode(
    (real) =>
      ({
        async query(text: string, values?: unknown[]) {
          const answer = await real.query(text, values)
          if (isFirst) await lock(real, 'C-1', 'ada')
          isFirst = false
          return answer
        },
      }) as Node,
  )
  const { status, body } = await call('update-work-object', { id: 'C-1', status: 'resolved' })
  assert.deepEqual([status, body['state']], [202, 'scheduled'])
  assert.equal((await node.item(String(body['id'])))?.error?.code, 'WORK_OBJECT_LOCKED')
  assert.deepEqual(await unlock(node, 'C-1'), { id: 'C-1', status: 'new', version: 1, lockedBy: null })
  await node.advance('2 seconds')
  await node.drain()
  assert.deepEqual(await node.result(String(body['id'])), { id: 'C-1', status: 'resolved', version: 2 })
})

test('get-update-result shows updates and nothing else', async () => {
  const { node, call } = await startNode()
  const { body } = await call('update-work-object-later', { id: 'C-2', status: 'open' })
  await node.drain()
  const shown = await call('get-update-result', { queueItemId: body['id'] })
  assert.deepEqual([shown.status, shown.body['state']], [200, 'succeeded'])
  const enqueue = (name: string, input: object, context = {}) =>
    node.enqueue({ kind: 'service', name }, input, { context })
  const ofAnother = await enqueue('update-work-object-later', { id: 'C-2', status: 'x' }, { caller: 'key:x' })
  const ofAnotherService = await enqueue('unlock-work-object', { id: 'C-1' })
  for (const id of ['00000000-0000-8000-8000-000000000000', ofAnother, ofAnotherService]) {
    const hidden = await call('get-update-result', { queueItemId: id })
    assert.deepEqual([hidden.status, hidden.body['code']], [404, 'UPDATE_UNKNOWN'])
  }
})
