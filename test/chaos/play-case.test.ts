import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { endChild, isRunning } from '../../scripts/child-processes.ts'
import type { CasePlay, CasePlayOptions } from './chaos-case.ts'
import { EmbeddedWriter } from './embedded-writer.ts'
import { openNetwork } from './nemeses/network.ts'
import { playCase } from './play-case.ts'

async function playing(t: TestContext, play: CasePlay, limitMs?: number): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'coatcheck-chaos-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return playCase(
    { number: 99, name: 'a case of a test', minutes: 1, shortSeconds: 1, play },
    { seed: 1, isShort: true, folder, ...(limitMs === undefined ? {} : { limitMs }) },
  )
}

/** A process that does nothing, and goes on. */
function idle({ endings }: CasePlayOptions): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  endings.add('idle process', () => endChild(child))
  return child
}

test('a case that throws is named, and leaves no process and no network', async (t) => {
  const children: ChildProcess[] = []
  const connections: (() => Promise<number>)[] = []
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  await assert.rejects(
    playing(t, async (_open, options) => {
      const child = idle(options)
      children.push(child)
      // Hears of no signal but the last one.
      child.kill('SIGSTOP')
      const { url } = await openNetwork(`postgres://127.0.0.1:${port}/x`, options.endings)
      connections.push(() =>
        fetch(`http://127.0.0.1:${new URL(url).port}`).then(
          () => 200,
          (error: { cause?: { code?: string } }) => (error.cause?.code === 'ECONNREFUSED' ? 0 : 1),
        ),
      )
      throw new Error('It went wrong.')
    }),
    /^Error: Case 99 \(a case of a test\) broke\. It went wrong\.$/,
  )
  assert.deepEqual(children.map(isRunning), [false])
  assert.equal(await connections[0]?.(), 0)
})

test('a case that never ends is given up, named, and begins nothing any more', async (t) => {
  const children: ChildProcess[] = []
  const late = Promise.withResolvers<unknown>()
  await assert.rejects(
    playing(
      t,
      async (_open, options) => {
        children.push(idle(options))
        await once(children[0] as ChildProcess, 'exit')
        // It goes on, since nobody can stop a promise.
        try {
          children.push(idle(options))
        } catch (error) {
          late.resolve(error)
        }
        return []
      },
      300,
    ),
    /Case 99 \(a case of a test\) broke\. Waited 300 ms in vain until it had come to an end\./,
  )
  assert.match(String(await late.promise), /The case is over: there is to be no idle process any more/)
  assert.deepEqual(children.map(isRunning), [false])
})

test('what cannot be ended is said', async (t) => {
  await assert.rejects(
    playing(t, async (_open, { endings }) => {
      endings.add('thing', () => Promise.reject(new Error('It stays.')))
      return []
    }),
    /Case 99 \(a case of a test\) broke\. Not ended: thing: It stays\./,
  )
})

test('a process with an embedded database that has ended lets nobody wait', async (t) => {
  await assert.rejects(
    playing(t, async (_open, { folder, endings }) => {
      const writer = new EmbeddedWriter(join(folder, 'data'), endings)
      await writer.opened()
      const looking = writer.look(Array.from({ length: 5_000 }, () => '00000000-0000-8000-8000-000000000000'))
      await writer.kill()
      await looking
      return []
    }),
    /Case 99 .* broke\. The embedded database's process ended with SIGKILL\./,
  )
})
