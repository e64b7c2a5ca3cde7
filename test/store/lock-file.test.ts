import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, readFile, rm, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { acquireLockFile } from '../../src/store/lock-file.ts'
import { currentProcess } from '../../src/store/process-identity.ts'
import { startChild } from './child.ts'

const holderFile = new URL('./lock-holder.ts', import.meta.url)

async function lockPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'coatcheck-lock-'))
  t.after(() => rm(directory, { recursive: true }))
  return join(directory, 'coatcheck.lock')
}

const filesBeside = async (path: string) =>
  (await readdir(join(path, '..'))).filter((name) => !path.endsWith(name))

async function writeStale(path: string, changes: object): Promise<void> {
  const holder = { ...(await currentProcess()), token: 'stale', since: new Date().toISOString(), ...changes }
  await writeFile(path, JSON.stringify(holder))
}

/** Whether this process can have the lock without waiting for anybody. */
async function isFree(path: string): Promise<boolean> {
  try {
    const lock = await acquireLockFile(path, 'the directory', 0)
    await lock.release()
    return true
  } catch (error) {
    if (isCoatcheckError(error, 'DATABASE_LOCKED')) return false
    throw error
  }
}

test('the lock is taken, and gone when released', async (t) => {
  const path = await lockPath(t)
  const lock = await acquireLockFile(path, 'the directory')
  assert.equal(JSON.parse(await readFile(path, 'utf8')).pid, process.pid)
  assert.equal(await isFree(path), false)
  await lock.release()
  await lock.release()
  assert.equal(await isFree(path), true)
  assert.deepEqual(await filesBeside(path), [])
})

test('a second process is refused, and told who holds the lock', async (t) => {
  const path = await lockPath(t)
  const holder = startChild(t, holderFile, [path])
  assert.equal(await holder.line(), 'held')
  const second = startChild(t, holderFile, [path, '200'])
  const sentence = await second.line()
  assert.match(sentence, /the directory of the test is in use by process \d+ on .* since \d{4}-/)
  assert.match(sentence, new RegExp(`process ${holder.pid} on`))
  assert.match(sentence, /or use PostgreSQL/)
  assert.deepEqual(await filesBeside(path), [])
  await holder.finish()
  assert.equal(await isFree(path), true)
})

test('who waits gets the lock when its holder lets go', async (t) => {
  const path = await lockPath(t)
  const holder = startChild(t, holderFile, [path])
  assert.equal(await holder.line(), 'held')
  const waiting = acquireLockFile(path, 'the directory')
  await holder.finish()
  await (await waiting).release()
})

test('the lock of a killed process is taken over', async (t) => {
  const path = await lockPath(t)
  const holder = startChild(t, holderFile, [path])
  assert.equal(await holder.line(), 'held')
  await holder.kill()
  assert.equal(JSON.parse(await readFile(path, 'utf8')).pid, holder.pid)
  assert.equal(await isFree(path), true)
  assert.deepEqual(await filesBeside(path), [])
})

const noProc = process.platform === 'linux' ? false : 'only /proc tells when a process began'
test('a pid that a later process has is not taken for the holder', { skip: noProc }, async (t) => {
  const path = await lockPath(t)
  await writeStale(path, { startTicks: '1' })
  assert.equal(await isFree(path), true)
  await writeStale(path, {})
  assert.equal(await isFree(path), false)
})

test('a holder of another machine is believed while it touches its lock, and not when it has long stopped', async (t) => {
  const path = await lockPath(t)
  await writeStale(path, { hostName: 'another.example', pid: 2 ** 30 })
  assert.equal(await isFree(path), false)
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(path, longAgo, longAgo)
  const lock = await acquireLockFile(path, 'the directory')
  assert.equal(JSON.parse(await readFile(path, 'utf8')).pid, process.pid)
  await lock.release()
})

test('a lock that cannot be read counts as held', async (t) => {
  const path = await lockPath(t)
  await writeFile(path, '{"pid":')
  assert.equal(await isFree(path), false)
})

test('of many who want a stale lock one at a time has it', async (t) => {
  const path = await lockPath(t)
  const inside = `${path}.inside`
  for (let round = 0; round < 10; round++) {
    await writeStale(path, { pid: 2 ** 30, token: `stale-${round}` })
    const takers = Array.from({ length: 8 }, async () => {
      const lock = await acquireLockFile(path, 'the directory', 20_000)
      // fails when somebody else is inside
      await (await open(inside, 'wx')).close()
      await setImmediate()
      await unlink(inside)
      await lock.release()
    })
    await Promise.all(takers)
    assert.deepEqual(await filesBeside(path), [])
  }
})

test('of many processes that want a stale lock one at a time has it', async (t) => {
  const path = await lockPath(t)
  await writeStale(path, { pid: 2 ** 30 })
  const children = Array.from({ length: 4 }, () => startChild(t, holderFile, [path, '30000']))
  const waiting = new Map(children.map((child) => [child, child.line().then(() => child)]))
  while (waiting.size > 0) {
    const holder = await Promise.race(waiting.values())
    assert.equal(JSON.parse(await readFile(path, 'utf8')).pid, holder.pid)
    waiting.delete(holder)
    // half of them go as they should
    await (waiting.size % 2 ? holder.kill() : holder.finish())
  }
  assert.equal(await isFree(path), true)
})
