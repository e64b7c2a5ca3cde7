import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { z } from 'zod'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { defineApplication, defineQueueProcessor } from '../../src/define/define.ts'
import { createNode, engineOf, type Node } from '../../src/node.ts'
import { freshDatabase, testDatabase } from '../databases.ts'
import { startTcpProxy } from '../store/tcp-proxy.ts'
import { until } from '../store/until.ts'

const skip = testDatabase().kind === 'pglite' && 'an embedded database is never away'

const ran: string[] = []
const work = defineQueueProcessor({
  name: 'work',
  input: z.string(),
  process: (input) => void ran.push(input),
})

/** A node behind a network that can go bad, with what it logs. */
async function startNode(t: TestContext, type: 'web' | 'background' = 'background') {
  const url = new URL(await freshDatabase())
  const direct = url.href
  const proxy = await startTcpProxy(url.hostname, Number(url.port || 5432))
  t.after(() => proxy.close())
  url.port = String(proxy.port)
  url.hostname = '127.0.0.1'
  const lines: string[] = []
  const line = (fields: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const node = await createNode({
    applications: [defineApplication({ name: 'flows', definitions: [work] })],
    database: url.href,
    http: false,
    nodeTypes: [type],
    log: { info: () => {}, warn: line, error: line },
    stopTimeout: 1_000,
  })
  // Before the proxy goes: it stops over it.
  t.after(() => node.stop())
  await node.start()
  const id = await node.enqueue(work, 'before')
  if (type === 'background') await node.result(id, { wait: '10s' })
  return { node, proxy, lines, direct }
}

/**
 * Accepts again and again for so long, many at once: each has to be refused in time.
 * @returns `answered` gives what they were told, once all of them were
 */
async function hammer(
  node: Node,
  forMs: number,
): Promise<{ answered: () => Promise<{ longestMs: number; refused: Map<string, number> }> }> {
  const refused = new Map<string, number>()
  const calls: Promise<void>[] = []
  let longestMs = 0
  let most = 0
  const began = performance.now()
  const call = async (): Promise<void> => {
    const calledAt = performance.now()
    const code = await node.enqueue(work, 'away').then(
      () => 'accepted',
      (error: unknown) => (isCoatcheckError(error) ? error.code : String(error)),
    )
    longestMs = Math.max(longestMs, performance.now() - calledAt)
    refused.set(code, (refused.get(code) ?? 0) + 1)
  }
  while (performance.now() - began < forMs) {
    for (let at = 0; at < 20; at++) calls.push(call())
    most = Math.max(most, engineOf(node).acceptor.room.calls)
    await pause(50)
  }
  assert.ok(most <= (20 * 5_000) / 50 + 100, `${most} calls were in memory`)
  const answered = async () => {
    await Promise.all(calls)
    const { size, calls: left } = engineOf(node).acceptor.room
    assert.deepEqual([size, left], [0, 0])
    return { longestMs, refused }
  }
  return { answered }
}

/** How long it takes until something is accepted, and until it has run. */
async function comesBack(node: Node): Promise<{ acceptedMs: number; ranMs: number }> {
  const began = performance.now()
  let acceptedMs = Number.NaN
  await until('it is accepted again', () =>
    node.enqueue(work, 'after').then(
      () => {
        acceptedMs = performance.now() - began
        return true
      },
      () => false,
    ),
  )
  await until('it has run', () => ran.includes('after'))
  return { acceptedMs, ranMs: performance.now() - began }
}

describe('while the database is away', { skip }, () => {
  test('behind a dead network accepting is refused within 5 s, and it goes on by itself', async (t) => {
    const { node, proxy, lines } = await startNode(t)
    // It may come back at any moment of what is tried meanwhile.
    for (const awayMs of [12_000, 6_500, 7_300, 8_100]) {
      ran.length = lines.length = 0
      proxy.swallow('all')
      const { answered } = await hammer(node, awayMs)
      proxy.heal()
      const { acceptedMs, ranMs } = await comesBack(node)
      t.diagnostic(`accepted after ${Math.round(acceptedMs)} ms, ran after ${Math.round(ranMs)} ms`)
      const { longestMs, refused } = await answered()
      t.diagnostic(`refused after ${Math.round(longestMs)} ms at most: ${JSON.stringify([...refused])}`)
      // On a busy machine they learn of it late; who waited for the database to come back waited for 12 s.
      assert.ok(longestMs < 8_000, `${longestMs} ms`)
      // Accepted is what was waiting when it came back.
      const codes = ['accepted', 'DATABASE_UNREACHABLE', 'DATABASE_TIMEOUT', 'OUTCOME_UNKNOWN']
      for (const code of refused.keys()) assert.ok(codes.includes(code), code)
      // Its lease is over by then: the next heartbeat that connects gets it back.
      assert.ok(acceptedMs < 5_000 && ranMs < 10_000, `${acceptedMs} ms, ${ranMs} ms`)
      assert.equal(lines.filter((line) => line.startsWith('database.away')).length, 1, lines.join('\n'))
      await until('it says that it is back', () => lines.some((line) => line.startsWith('database.back')))
      assert.ok(lines.length <= 6, lines.join('\n'))
    }
  })

  test('a node that only accepts tells of it too', async (t) => {
    const { node, proxy, lines } = await startNode(t, 'web')
    proxy.swallow('all')
    const { answered } = await hammer(node, 8_000)
    proxy.heal()
    await answered()
    await until('it says that it is back', () => lines.some((line) => line.startsWith('database.back')))
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]).filter((name) => name?.startsWith('database.')),
      ['database.away', 'database.back'],
      lines.join('\n'),
    )
  })

  test('where it refuses connections so does accepting, at once; two lines tell of it', async (t) => {
    ran.length = 0
    const { node, lines, direct } = await startNode(t)
    const name = new URL(direct).pathname.slice(1)
    const administrator = new Client({ connectionString: testDatabase().url })
    await administrator.connect()
    t.after(() => administrator.end())
    await administrator.query(`alter database ${name} allow_connections false`)
    await administrator.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [
      name,
    ])
    const { answered } = await hammer(node, 3_000)
    const { longestMs, refused } = await answered()
    t.diagnostic(`refused after ${Math.round(longestMs)} ms at most: ${JSON.stringify([...refused])}`)
    assert.ok(longestMs < 8_000, `${longestMs} ms`)
    assert.ok((refused.get('DATABASE_UNREACHABLE') ?? 0) > 100)
    assert.equal(refused.get('accepted'), undefined)
    await administrator.query(`alter database ${name} allow_connections true`)
    const { acceptedMs, ranMs } = await comesBack(node)
    t.diagnostic(`accepted after ${Math.round(acceptedMs)} ms, ran after ${Math.round(ranMs)} ms`)
    assert.ok(acceptedMs < 5_000 && ranMs < 10_000, `${acceptedMs} ms, ${ranMs} ms`)
    await until('it says that it is back', () => lines.some((line) => line.startsWith('database.back')))
    // On a busy machine the lease may have lapsed meanwhile, and says so itself.
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]).filter((name) => name?.startsWith('database.')),
      ['database.away', 'database.back'],
      lines.join('\n'),
    )
  })
})
